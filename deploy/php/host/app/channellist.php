<?php
/** An owner's channels in groups: on now, to come (the nearest first), over. */
declare(strict_types=1);

const CHANNEL_GROUPS = ['now' => '进行中', 'next' => '即将开播', 'past' => '已结束'];
const CHANNEL_PAGE = 20;
const CHANNEL_ON_AIR = 21600; // the tables know no end: a stream counts as on for six hours

/** The condition and the order of a group; the arguments are :now and :over. */
const CHANNEL_GROUP_SQL = [
    'now'  => ['a.{activity.start_time} <= :now AND a.{activity.start_time} > :over', 'a.{activity.start_time} DESC, a.{activity.id} DESC'],
    'next' => ['a.{activity.start_time} > :now', 'a.{activity.start_time}, a.{activity.id}'],
    'past' => ['a.{activity.start_time} <= :over', 'a.{activity.start_time} DESC, a.{activity.id} DESC'],
];

/** One page of a group, the titles holding $search: the channels, and whether there are more. */
function channel_group(Host $host, int $uin, string $group, string $search = '', int $page = 1, int $size = CHANNEL_PAGE): array
{
    list($when, $order) = CHANNEL_GROUP_SQL[$group];
    $now = time();
    $args = [':uin' => $uin, ':now' => $now, ':over' => $now - CHANNEL_ON_AIR];
    $like = '';
    if ($search !== '') {
        $like = " AND a.{activity.title} LIKE :like ESCAPE '!'";
        $args[':like'] = '%' . preg_replace('/[!%_]/', '!$0', $search) . '%';
    }
    $found = channel_rows($host, "WHERE a.{activity.uin} = :uin AND $when$like ORDER BY $order LIMIT " . ($size + 1) . ' OFFSET ' . $size * ($page - 1),
        array_filter($args, function ($name) use ($when, $like) {
            return $name === ':uin' || preg_match("/$name\b/", $when . $like);
        }, ARRAY_FILTER_USE_KEY));
    return ['items' => array_slice($found, 0, $size), 'more' => count($found) > $size];
}

/** How many channels each group has. */
function channel_counts(Host $host, int $uin): array
{
    $now = time();
    $row = $host->row('SELECT COUNT(*) AS n, SUM(CASE WHEN {activity.start_time} > ? THEN 1 ELSE 0 END) AS ahead,
            SUM(CASE WHEN {activity.start_time} <= ? THEN 1 ELSE 0 END) AS ended
        FROM {activity} WHERE {activity.uin} = ?', [$now, $now - CHANNEL_ON_AIR, $uin]);
    return ['now' => $row['n'] - $row['ahead'] - $row['ended'], 'next' => (int) $row['ahead'], 'past' => (int) $row['ended']];
}

/** What a form may choose from: what is on, the nearest to come, and the last that are over. */
function channel_choices(Host $host, int $uin): array
{
    return array_merge(channel_group($host, $uin, 'next', '', 1, 50)['items'], channel_group($host, $uin, 'now')['items'],
        channel_group($host, $uin, 'past')['items']);
}

/**
 * A form for another channel like this one: the same day of the week and time,
 * in the next week that is to come.
 */
function channel_copy(Host $host, array $from): array
{
    $start = (new DateTimeImmutable('@' . $from['start_time']))->setTimezone($host->zone());
    do {
        $start = $start->modify('+7 days');
    } while ($start->getTimestamp() <= time());
    $own = $host->config['base_url'] . "/watch/{$from['id']}"; // the new one has a page of its own
    return ['id' => 0, 'start_time' => $start->getTimestamp(), 'live_notify_status' => 0,
        'watch_url' => $from['watch_url'] === $own ? '' : $from['watch_url']] + $from;
}
