<?php
/**
 * Channels: activity and activity_detail. live_notify_status is pushd's; the
 * host puts it back to 0 in one case, see channel_moved().
 */
declare(strict_types=1);

const CHANNEL_LABELS = [
    'title' => '标题', 'start_time' => '开播时间', 'watch_url' => '观看地址', 'content' => '简介',
    'live_notify' => '开播提醒', 'live_notify_time' => '提前分钟数', 'audience' => '提醒对象',
    'version' => '版本', 'form_key' => '表单编号', 'confirmed' => '确认',
];
const CHANNEL_SHOWN = '/[\p{L}\p{N}\p{P}\p{Sm}\p{Sc}]/u'; // what is left of a title in a message: WeChat shows no emoji
const CHANNEL_FORM_DAYS = 2; // how long a form that was sent is remembered
// d.* comes first, for the others to win; it has the column audience where the platform has one.
const CHANNEL_SELECT = '
    SELECT d.*, a.{activity.id} AS id, a.{activity.uin} AS uin, a.{activity.title} AS title,
        a.{activity.start_time} AS start_time, a.{activity.watch_url} AS watch_url,
        d.{activity_detail.content} AS content, d.{activity_detail.live_notify} AS live_notify,
        d.{activity_detail.live_notify_time} AS live_notify_time, d.{activity_detail.live_notify_status} AS live_notify_status
    FROM {activity} a
    LEFT JOIN {activity_detail} d ON d.{activity_detail.act_id} = a.{activity.id} ';

/** The channels that a condition finds, as the rest of the host knows them. */
function channel_rows(Host $host, string $where, array $args): array
{
    $audience = $host->connection()->tables()->column('activity_detail', 'audience');
    return array_map(function (array $row) use ($audience): array {
        return channel_from_row($row, (string) ($row[$audience] ?? 'followers'));
    }, $host->query(CHANNEL_SELECT . $where, $args)->fetchAll());
}

/** A channel, whoever's it is, or null. */
function channel_row(Host $host, int $id): ?array
{
    return channel_rows($host, 'WHERE a.{activity.id} = ?', [$id])[0] ?? null;
}

function channel_from_row(array $row, string $audience): array
{
    return [
        'id'                 => (int) $row['id'],
        'uin'                => (int) $row['uin'],
        'title'              => (string) $row['title'],
        'start_time'         => (int) $row['start_time'],
        'watch_url'          => (string) $row['watch_url'],
        'content'            => (string) $row['content'],
        'live_notify'        => (int) $row['live_notify'] === 1,
        'live_notify_time'   => (int) ($row['live_notify_time'] ?? 30),
        'live_notify_status' => (int) $row['live_notify_status'],
        'audience'           => $audience,
    ];
}

/** A channel of this owner. Somebody else's is as if it did not exist. */
function channel_find(Host $host, int $uin, int $id): array
{
    $channel = channel_row($host, $id);
    if ($channel === null || $channel['uin'] !== $uin) {
        throw new Refusal(404, 'channel_not_found', '直播不存在');
    }
    return $channel;
}

/** What an interface tells of a channel. */
function channel_answer(Host $host, array $channel): array
{
    return [
        'id'               => $channel['id'],
        'title'            => $channel['title'],
        'start_time'       => $channel['start_time'],
        'start_text'       => $host->clock($channel['start_time']),
        'start_local'      => $host->clock($channel['start_time'], 'Y-m-d\TH:i'),
        'watch_url'        => $channel['watch_url'],
        'content'          => $channel['content'],
        'live_notify'      => $channel['live_notify'],
        'live_notify_time' => $channel['live_notify_time'],
        'live_notify_status' => $channel['live_notify_status'],
        'audience'         => $channel['audience'],
        'version'          => channel_version($channel),
        'page'             => "/channels/{$channel['id']}", // scripts can't hold every number
    ];
}

/** Changes with whatever an owner can change; pushd's column is not part of it. */
function channel_version(array $channel): string
{
    unset($channel['live_notify_status']);
    return substr(hash('sha256', (string) json_encode($channel)), 0, 16);
}

/**
 * Stops a page that was opened before a save in another one. Switching
 * the reminder off is always in time.
 */
function channel_check_version(Fields $f, array $body, array $old): void
{
    $stop = array_keys(array_diff_key($body, ['version' => 1])) === ['live_notify'] && !$f->flag('live_notify');
    if ($f->has('version') && !$stop && $f->text('version', 16, true) !== channel_version($old)) {
        throw new Refusal(409, 'changed_elsewhere', '这场直播已在别处修改过，本次没有保存。请刷新页面，核对后再保存。');
    }
}

/**
 * Asks before what can't be taken back. The caller repeats the request with
 * the question's name among 'confirmed'.
 */
function channel_confirm(array $confirmed, string $question, string $text): void
{
    if (!in_array($question, $confirmed, true)) {
        throw new Refusal(409, "confirm_$question", $text);
    }
}

/** Checks what came in. Fields that are absent stay as in $old. */
function channel_read(Host $host, Fields $f, array $old): array
{
    $new = $old;
    foreach (['title' => 64, 'content' => 2000] as $name => $max) {
        if ($f->has($name) || ($name === 'title' && $old['id'] === 0)) {
            $new[$name] = $f->text($name, $max, $name === 'title', $name === 'content');
        }
    }
    if ($f->has('start_time') || $old['id'] === 0) {
        $new['start_time'] = channel_start($f->moment('start_time', $host->zone()), $old['start_time']);
    }
    if ($new['start_time'] !== $old['start_time']) {
        if ($new['start_time'] <= time()) {
            $f->refuse('start_time', '开播时间必须晚于现在');
        }
        if ($new['start_time'] > time() + 2 * 366 * 86400) {
            $f->refuse('start_time', '开播时间不能晚于两年后');
        }
    }
    if ($f->has('watch_url')) {
        $new['watch_url'] = $f->url('watch_url', 512);
    }
    if ($new['watch_url'] === '' && $host->config['base_url'] === '') {
        $f->refuse('watch_url', '请填写观看地址');
    }
    $new['live_notify'] = $f->has('live_notify') ? $f->flag('live_notify') : $old['live_notify'];
    if ($new['live_notify'] && ($new['title'] !== $old['title'] || !$old['live_notify']) && !preg_match(CHANNEL_SHOWN, $new['title'])) {
        $f->refuse('title', '标题里要有文字：微信消息不显示表情，只有表情的标题会使提醒无法发送');
    }
    $new['live_notify_time'] = $f->has('live_notify_time') ? $f->number('live_notify_time', 0, 1440) : $old['live_notify_time'];
    $new['audience'] = $f->has('audience') ? channel_audience($f) : $old['audience'];
    if ($new['audience'] !== $old['audience'] && $old['live_notify_status'] === 1) {
        throw new Refusal(409, 'reminder_running', '提醒正在发送，发送完成后才能修改提醒对象', 'audience');
    }
    return $new;
}

function channel_audience(Fields $f): string
{
    $audience = $f->text('audience', 32, true);
    if (!preg_match(AUDIENCE_PATTERN, $audience)) {
        $f->refuse('audience', '请选择提醒对象');
    }
    return $audience;
}

/** Writes the audience alone: older tables may lack the column, and their owners never choose another. */
function channel_save_audience(Host $host, array $old, array $new, int $id): void
{
    if ($new['audience'] !== $old['audience']) {
        $host->query('UPDATE {activity_detail} SET {activity_detail.audience} = ? WHERE {activity_detail.act_id} = ?', [$new['audience'], $id]);
    }
}

/**
 * The form knows minutes. A start that was 20:00:30 and comes back as 20:00
 * has not moved: taking it for a new one would remind everybody again.
 */
function channel_start(int $new, int $old): int
{
    return intdiv($new, 60) === intdiv($old, 60) ? $old : $new;
}

/** What is shown of a channel that is not there yet. */
function channel_empty(int $uin): array
{
    return ['id' => 0, 'uin' => $uin, 'title' => '', 'start_time' => 0, 'watch_url' => '', 'content' => '',
        'live_notify' => false, 'live_notify_time' => 30, 'live_notify_status' => 0, 'audience' => 'followers'];
}

/** Makes a channel. A form that is sent twice makes one: the second answer is the same. */
function channel_create(Host $host, int $uin, array $body): array
{
    $f = new Fields($body, CHANNEL_LABELS);
    $new = channel_read($host, $f, channel_empty($uin));
    $key = $f->has('form_key') ? $f->hex('form_key', 32) : '';
    $confirmed = $f->names('confirmed');
    $host->query('DELETE FROM host_form WHERE uin = ? AND made_at < ?', [$uin, time() - 86400 * CHANNEL_FORM_DAYS]);
    $id = $host->transaction(function () use ($host, $uin, $new, $key, $confirmed) {
        if ($key !== '' && !$host->unlessTwice('INSERT INTO host_form (uin, form_key, act_id, made_at) VALUES (?, ?, 0, ?)', [$uin, $key, time()])) {
            return (int) $host->row('SELECT act_id FROM host_form WHERE uin = ? AND form_key = ?', [$uin, $key])['act_id'];
        }
        channel_confirm_alike($host, $new, $confirmed);
        channel_confirm_quiet($host, channel_empty($uin), $new, $confirmed);
        channel_confirm_now($host, channel_empty($uin), $new, $confirmed);
        $id = channel_insert($host, $uin, $new);
        saved_note($host, 'channel', $id);
        $host->query('UPDATE host_form SET act_id = ? WHERE uin = ? AND form_key = ?', [$id, $uin, $key]);
        return $id;
    });
    return channel_find($host, $uin, $id);
}

function channel_insert(Host $host, int $uin, array $new): int
{
    $host->query('INSERT INTO {activity} ({activity.uin}, {activity.title}, {activity.start_time}, {activity.watch_url}) VALUES (?, ?, ?, ?)',
        [$uin, $new['title'], $new['start_time'], $new['watch_url']]);
    $id = (int) $host->db()->lastInsertId();
    if ($new['watch_url'] === '') { // our own page, whose address needs the number
        $host->query('UPDATE {activity} SET {activity.watch_url} = ? WHERE {activity.id} = ?', [$host->config['base_url'] . "/watch/$id", $id]);
    }
    $host->query('INSERT INTO {activity_detail} ({activity_detail.act_id}, {activity_detail.content}, {activity_detail.live_notify}, {activity_detail.live_notify_time})
        VALUES (?, ?, ?, ?)',
        [$id, $new['content'], (int) $new['live_notify'], $new['live_notify_time']]);
    channel_save_audience($host, channel_empty($uin), $new, $id);
    return $id;
}

/** Two channels of one name and start are two reminders to the same people. */
function channel_confirm_alike(Host $host, array $new, array $confirmed): void
{
    // Compared here: a column of an older character set can't be compared with every text.
    $titles = $host->query('SELECT {activity.title} FROM {activity} WHERE {activity.uin} = ? AND {activity.start_time} = ?', [$new['uin'], $new['start_time']])->fetchAll(PDO::FETCH_COLUMN);
    if (in_array($new['title'], $titles, true)) {
        channel_confirm($confirmed, 'alike', '已经有一场标题和开播时间都相同的直播。再建一场，观众会收到两次提醒。确定还要新建吗？');
    }
}

/** A change after which the reminder is due at once. */
function channel_confirm_now(Host $host, array $old, array $new, array $confirmed): void
{
    if (channel_due($host, $new) && !channel_due($host, $old) && settings_find($host, $new['uin'])['enabled']) {
        channel_confirm($confirmed, 'now', '已经到了发送时间：保存后，提醒会在一分钟内发给' . audience_whom($host, $new) . '，发出的消息不能撤回。确定保存吗？');
    }
}

/** A reminder that would leave in the owner's quiet hours, where it did not before. */
function channel_confirm_quiet(Host $host, array $old, array $new, array $confirmed): void
{
    if (!$new['live_notify'] || $new['live_notify_status'] !== 0) {
        return;
    }
    $due = max(time(), channel_due_at($new));
    if (channel_due_at($new) === channel_due_at($old) && $old['live_notify'] || $new['start_time'] <= time()) {
        return;
    }
    $brakes = brakes_find($host, $new['uin']);
    if (brakes_quiet($host, $brakes, $due)) {
        channel_confirm($confirmed, 'quiet', plan_text($host, $new, plan_of($host, $new, time()), $brakes) . '确定保存吗？');
    }
}

function channel_due_at(array $channel): int
{
    return $channel['start_time'] - 60 * $channel['live_notify_time'];
}

/** Is the reminder of this channel to be sent now? */
function channel_due(Host $host, array $channel): bool
{
    $now = time();
    return $channel['live_notify'] && $channel['live_notify_status'] === 0
        && $channel['start_time'] - 60 * $channel['live_notify_time'] <= $now
        && $channel['start_time'] + $host->config['grace'] > $now;
}

function channel_update(Host $host, int $uin, int $id, array $body): array
{
    channel_find($host, $uin, $id);
    // A row to lock: a lock on one that is not there makes two savers wait for each other.
    if ($host->row('SELECT {activity_detail.act_id} FROM {activity_detail} WHERE {activity_detail.act_id} = ?', [$id]) === null) {
        $host->unlessTwice('INSERT INTO {activity_detail} ({activity_detail.act_id}, {activity_detail.live_notify}) VALUES (?, 0)', [$id]);
    }
    $host->transaction(function () use ($host, $uin, $id, $body) {
        // Locked: pushd may be about to accept this very reminder.
        $host->query('SELECT {activity_detail.act_id} FROM {activity_detail} WHERE {activity_detail.act_id} = ?' . $host->forUpdate(), [$id])->fetchAll();
        $old = channel_find($host, $uin, $id);
        $f = new Fields($body, CHANNEL_LABELS);
        channel_check_version($f, $body, $old);
        $new = channel_read($host, $f, $old);
        if ($new['watch_url'] === '') {
            $new['watch_url'] = $host->config['base_url'] . "/watch/$id";
        }
        if ($new['start_time'] !== $old['start_time']) {
            $new['live_notify_status'] = channel_moved($host, $old, $new, $f->names('confirmed'));
        }
        channel_confirm_quiet($host, $old, $new, $f->names('confirmed'));
        channel_confirm_now($host, $old, $new, $f->names('confirmed'));
        $host->query('UPDATE {activity} SET {activity.title} = ?, {activity.start_time} = ?, {activity.watch_url} = ? WHERE {activity.id} = ? AND {activity.uin} = ?',
            [$new['title'], $new['start_time'], $new['watch_url'], $id, $uin]);
        $host->query('UPDATE {activity_detail}
            SET {activity_detail.content} = ?, {activity_detail.live_notify} = ?, {activity_detail.live_notify_time} = ? WHERE {activity_detail.act_id} = ?',
            [$new['content'], (int) $new['live_notify'], $new['live_notify_time'], $id]);
        channel_save_audience($host, $old, $new, $id);
        saved_note($host, 'channel', $id);
    });
    return channel_find($host, $uin, $id);
}

/**
 * Another start is another reminder, and status 0 is how the platform asks
 * for it. All else in this column is written by pushd alone.
 */
function channel_moved(Host $host, array $old, array $new, array $confirmed): int
{
    if ($old['live_notify_status'] === 1) {
        throw new Refusal(409, 'reminder_running', '提醒正在发送，发送完成后才能修改开播时间', 'start_time');
    }
    if ($old['live_notify_status'] !== 0 && $new['live_notify']) {
        channel_confirm($confirmed, 'again', '这场直播的提醒已经发过。修改开播时间后，会按新的时间再发一次。确定修改吗？');
    }
    $host->query('UPDATE {activity_detail} SET {activity_detail.live_notify_status} = 0 WHERE {activity_detail.act_id} = ?', [$old['id']]);
    return 0;
}
