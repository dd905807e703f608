<?php
/**
 * How often an owner's reminders may go out. pushd holds the gap, the number a
 * day and the first so many (it reads them by its channel query); the quiet hours
 * are asked about here, when a channel is saved.
 */
declare(strict_types=1);

const BRAKES_LABELS = ['min_gap' => '两次提醒的最短间隔', 'per_day' => '每天最多提醒次数', 'first' => '先发人数',
    'quiet_from' => '免打扰开始', 'quiet_to' => '免打扰结束'];
const BRAKES_MOST = ['min_gap' => 10080, 'per_day' => 100, 'first' => 1000000];

/** What an owner has set; null is not set. Times are 23:00, ''. */
function brakes_find(Host $host, int $uin): array
{
    $row = $host->row('SELECT min_gap, per_day, first, quiet_from, quiet_to FROM host_brakes WHERE uin = ?', [$uin]);
    $found = [];
    foreach (array_keys(BRAKES_LABELS) as $name) {
        $found[$name] = isset($row[$name]) ? (int) $row[$name] : null;
    }
    return $found;
}

function brakes_answer(array $brakes): array
{
    foreach (['quiet_from', 'quiet_to'] as $name) {
        $brakes[$name] = $brakes[$name] === null ? '' : sprintf('%02d:%02d', intdiv($brakes[$name], 60), $brakes[$name] % 60);
    }
    return $brakes;
}

/** Saves all of them; what is absent or empty is not set. */
function brakes_save(Host $host, int $uin, array $body): array
{
    $f = new Fields($body, BRAKES_LABELS);
    $new = [];
    foreach (BRAKES_MOST as $name => $most) {
        $new[$name] = ($body[$name] ?? '') === '' ? null : $f->number($name, 0, $most);
    }
    foreach (['quiet_from', 'quiet_to'] as $name) {
        $new[$name] = brakes_clock($f, $name);
    }
    if (($new['quiet_from'] === null) !== ($new['quiet_to'] === null)) {
        $f->refuse($new['quiet_from'] === null ? 'quiet_from' : 'quiet_to', '免打扰的开始和结束要一起填写');
    }
    $host->unlessTwice('INSERT INTO host_brakes (uin) VALUES (?)', [$uin]);
    $host->query('UPDATE host_brakes SET min_gap = ?, per_day = ?, first = ?, quiet_from = ?, quiet_to = ? WHERE uin = ?',
        array_merge(array_values($new), [$uin]));
    saved_note($host, 'settings', $uin); // what a brake has refused is tried again at once
    return brakes_answer(brakes_find($host, $uin));
}

/** Minutes since 00:00 of a text such as 23:00; null where there is none. */
function brakes_clock(Fields $f, string $name): ?int
{
    $text = $f->text($name, 5, false);
    if ($text === '') {
        return null;
    }
    if (!preg_match('/^([01]\d|2[0-3]):([0-5]\d)$/D', $text, $m)) {
        $f->refuse($name, BRAKES_LABELS[$name] . '必须是 24 小时制的时间，例如 23:00');
    }
    return 60 * (int) $m[1] + (int) $m[2];
}

/** Is a moment within the quiet hours, which may go over midnight? */
function brakes_quiet(Host $host, array $brakes, int $at): bool
{
    if ($brakes['quiet_from'] === null || $brakes['quiet_from'] === $brakes['quiet_to']) {
        return false;
    }
    $minute = 60 * (int) $host->clock($at, 'G') + (int) $host->clock($at, 'i');
    $late = $minute >= $brakes['quiet_from'];
    $early = $minute < $brakes['quiet_to'];
    return $brakes['quiet_from'] < $brakes['quiet_to'] ? $late && $early : $late || $early;
}
