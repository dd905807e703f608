<?php
/**
 * When the reminder of a channel will really leave: at its time, or, by what its
 * owner has set against too many (host_brakes), later or not at all. pushd decides
 * it when the time comes (docs/operations.md, Brakes); this foretells it by the
 * same rules, so that owners and viewers are not promised another hour.
 */
declare(strict_types=1);

const PLAN_WHY = ['quiet' => '在免打扰时段', 'gap' => '距上一次提醒太近', 'day' => '超过每天的提醒次数'];

/**
 * The plan of one channel: due (when it is asked for), at (when it leaves, 0: not
 * at all), why ('' where that is the same, else the first brake that it meets).
 */
function plan_of(Host $host, array $channel, int $now): array
{
    $brakes = brakes_find($host, $channel['uin']);
    $others = plan_counts($brakes) ? plan_others($host, $channel['uin'], $now, $channel['start_time']) : [];
    $others[$channel['id']] = $channel;
    return plan_all($host, $brakes, $others, $now)[$channel['id']];
}

/** The plans of an owner's channels that are to come, by their numbers. */
function plan_owner(Host $host, int $uin, int $now): array
{
    $brakes = brakes_find($host, $uin);
    return $brakes['quiet_from'] === null && !plan_counts($brakes) ? [] : plan_all($host, $brakes, plan_others($host, $uin, $now, PHP_INT_MAX), $now);
}

/** Do other reminders of the account matter? */
function plan_counts(array $brakes): bool
{
    return (int) $brakes['min_gap'] > 0 || (int) $brakes['per_day'] > 0;
}

/** The channels whose reminders may be in each other's way, up to a start. */
function plan_others(Host $host, int $uin, int $now, int $until): array
{
    $since = $now - 60 * BRAKES_MOST['min_gap'] - 86400;
    $found = [];
    foreach (channel_rows($host, 'WHERE a.{activity.uin} = ? AND a.{activity.start_time} > ? AND a.{activity.start_time} <= ?
        ORDER BY a.{activity.start_time}, a.{activity.id} LIMIT 1000', [$uin, $since, min($until, PHP_INT_MAX - 86400) + 86400]) as $channel) {
        $found[$channel['id']] = $channel;
    }
    return $found;
}

/** Foretells one reminder after the other, in the order in which cron posts them. */
function plan_all(Host $host, array $brakes, array $channels, int $now): array
{
    uasort($channels, function (array $a, array $b): int {
        return [channel_due_at($a), $a['id']] <=> [channel_due_at($b), $b['id']];
    });
    $plans = $sent = [];
    foreach ($channels as $id => $channel) {
        $due = channel_due_at($channel);
        if ($channel['live_notify_status'] !== 0) {
            $sent[] = $due; // pushd knows it to the second
        } elseif ($channel['live_notify']) {
            $plans[$id] = plan_one($host, $brakes, $channel, max($due, $now), $sent) + ['due' => $due];
            if ($plans[$id]['at'] > 0) {
                $sent[] = $plans[$id]['at'];
            }
        }
    }
    return $plans + array_fill_keys(array_keys($channels), ['at' => 0, 'why' => '', 'due' => 0]);
}

function plan_one(Host $host, array $brakes, array $channel, int $at, array $sent): array
{
    $why = '';
    $deadline = $channel['start_time'] + $host->config['grace'];
    while ($at < $deadline) {
        list($brake, $next) = plan_brake($host, $brakes, $at, $sent);
        if ($brake === '') {
            return ['at' => $at, 'why' => $why];
        }
        $why = $why ?: $brake;
        $at = $next;
    }
    return ['at' => 0, 'why' => $why];
}

/** The brake that a reminder meets at a moment, and when that ends; '' for none. */
function plan_brake(Host $host, array $brakes, int $at, array $sent): array
{
    if (brakes_quiet($host, $brakes, $at)) {
        $end = (new DateTimeImmutable('@' . $at))->setTimezone($host->zone())->setTime(intdiv($brakes['quiet_to'], 60), $brakes['quiet_to'] % 60);
        return ['quiet', ($end->getTimestamp() > $at ? $end : $end->modify('+1 day'))->getTimestamp()];
    }
    $day = $host->clock($at, 'Ymd');
    $today = array_filter($sent, function (int $other) use ($host, $day): bool {
        return $host->clock($other, 'Ymd') === $day;
    });
    if ((int) $brakes['per_day'] > 0 && count($today) >= $brakes['per_day']) {
        return ['day', (new DateTimeImmutable('@' . $at))->setTimezone($host->zone())->modify('tomorrow')->getTimestamp()];
    }
    $free = $sent === [] ? 0 : max($sent) + 60 * (int) $brakes['min_gap'];
    return (int) $brakes['min_gap'] > 0 && $free > $at ? ['gap', $free] : ['', 0];
}

/** Why a plan is another than the channel says, and what becomes of it, for its owner; '' where it is not. */
function plan_text(Host $host, array $channel, array $plan, array $brakes): string
{
    if ($plan['why'] === '') {
        return '';
    }
    $hours = brakes_answer($brakes);
    $facts = ['quiet' => "（{$hours['quiet_from']}–{$hours['quiet_to']}）", 'gap' => "（至少间隔 {$brakes['min_gap']} 分钟）", 'day' => "（{$brakes['per_day']} 次）"];
    $from = '原定 ' . $host->clock($plan['due'], 'm月d日 H:i') . '，' . PLAN_WHY[$plan['why']] . $facts[$plan['why']];
    if ($plan['at'] === 0) {
        return "{$from}，等到可以发送时已过有效时间，不会发送。";
    }
    return "{$from}，推迟到" . ($plan['why'] === 'quiet' ? ' ' : '大约 ') . $host->clock($plan['at'], 'm月d日 H:i') . ' 发送' . ($plan['at'] > $channel['start_time'] ? '，那时直播已经开始' : '') . '。';
}

/** For the form: what becomes of a reminder whose start and minutes are not saved yet. */
function plan_answer(Host $host, array $owner, array $asked): array
{
    $f = new Fields($asked, ['actid' => '直播'] + CHANNEL_LABELS);
    $channel = $f->has('actid') ? channel_find($host, $owner['uin'], $f->number('actid', 1, PHP_INT_MAX)) : channel_empty($owner['uin']);
    $channel['start_time'] = channel_start($f->moment('start_time', $host->zone()), $channel['start_time']);
    $channel['live_notify_time'] = $f->number('live_notify_time', 0, 1440);
    $channel = ['live_notify' => true, 'live_notify_status' => 0] + $channel;
    $plan = plan_of($host, $channel, time());
    return $plan + ['text' => plan_text($host, $channel, $plan, brakes_find($host, $owner['uin']))];
}
