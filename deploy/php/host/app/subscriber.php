<?php
/**
 * Who asked for the reminder of a channel: whom the audience "subscribers"
 * reaches, and what an appeal to WeChat needs as proof that they had asked.
 */
declare(strict_types=1);

const SUBSCRIBER_KINDS = ['subscribe' => '扫码关注', 'SCAN' => '已关注，扫码', 'TAP' => '已关注，在直播页点击'];

/**
 * Records that a viewer asked. Events may overtake each other: an older one
 * changes nothing, and one of before the viewer left does not undo that. $left:
 * when they are known to have left after it, or 0.
 */
function subscriber_record(Host $host, string $appid, array $event, int $act, int $left): void
{
    $us = (int) $host->row('SELECT ' . follow_clock($host) . ' AS us')['us'];
    $row = [$appid, $event['kind'], $event['scene'], $event['created'], $us, $left, $act, $event['openid']];
    if ($host->unlessTwice('INSERT INTO host_subscriber (appid, kind, scene, asked_at, noted_us, left_at, act_id, openid)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)', $row)) {
        return;
    }
    // promised comes first: MySQL lets what follows see the new values.
    $host->query('UPDATE host_subscriber SET promised = CASE WHEN left_at = 0 THEN promised ELSE 0 END,
        appid = ?, kind = ?, scene = ?, asked_at = ?, noted_us = ?, left_at = ?
        WHERE act_id = ? AND openid = ? AND asked_at <= ? AND left_at < ?', array_merge($row, [$event['created'], $event['created']]));
}

/** A viewer's row, or null. */
function subscriber_find(Host $host, int $act, string $openid): ?array
{
    return $host->row('SELECT asked_at, promised, left_at FROM host_subscriber WHERE act_id = ? AND openid = ?', [$act, $openid]);
}

function subscriber_active(?array $row): bool
{
    return $row !== null && (int) $row['left_at'] === 0;
}

/** Notes that the reminder was still to come when they asked. */
function subscriber_promise(Host $host, int $act, string $openid): void
{
    $host->query('UPDATE host_subscriber SET promised = 1 WHERE act_id = ? AND openid = ? AND left_at = 0', [$act, $openid]);
}

/** A viewer wants no reminder of this channel any more. */
function subscriber_leave(Host $host, int $act, string $openid): void
{
    $host->query('UPDATE host_subscriber SET left_at = ? WHERE act_id = ? AND openid = ? AND left_at = 0',
        [follow_seconds($host), $act, $openid]);
}

/** A viewer wants none of an account's, or has left it. How many that ends. */
function subscriber_leave_all(Host $host, string $appid, string $openid, int $at): int
{
    return $host->query('UPDATE host_subscriber SET left_at = ? WHERE appid = ? AND openid = ? AND left_at = 0 AND asked_at <= ?',
        [$at, $appid, $openid, $at])->rowCount();
}

/** All rows of a channel, a part at a time: there may be a million. */
function subscriber_each(Host $host, int $act): Generator
{
    $after = '';
    do {
        $rows = $host->query('SELECT openid, appid, kind, scene, asked_at, noted_us, left_at FROM host_subscriber
            WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT 1000', [$act, $after])->fetchAll();
        foreach ($rows as $row) {
            yield $row;
            $after = $row['openid'];
        }
    } while (count($rows) === 1000);
}

/** The proof of consent as CSV, written to an open file. */
function subscriber_csv(Host $host, array $channel, $out): void
{
    fwrite($out, "\xEF\xBB\xBF"); // so that Excel reads UTF-8
    subscriber_line($out, ['openid', '公众号 AppID', '频道 ID', '频道标题', '订阅方式', '场景值', '订阅时间', '记录时间', '退订时间']);
    foreach (subscriber_each($host, $channel['id']) as $row) {
        subscriber_line($out, [$row['openid'], $row['appid'], $channel['id'], $channel['title'],
            SUBSCRIBER_KINDS[$row['kind']] ?? $row['kind'], $row['scene'],
            $host->clock((int) $row['asked_at'], DATE_ATOM), $host->clock(intdiv((int) $row['noted_us'], 1000000), DATE_ATOM),
            (int) $row['left_at'] === 0 ? '' : $host->clock((int) $row['left_at'], DATE_ATOM)]);
    }
}

/** A line of CSV. A cell that a spreadsheet would run as a formula stays text. */
function subscriber_line($out, array $cells): void
{
    fwrite($out, implode(',', array_map(function ($cell) {
        $text = preg_replace('/^[=+\-@\t\r]/', "'$0", (string) $cell);
        return '"' . str_replace('"', '""', $text) . '"';
    }, $cells)) . "\r\n");
}

/** The file that an owner downloads. */
function page_subscribers(Host $host, array $owner, string $id): void
{
    $channel = channel_find($host, $owner['uin'], (int) $id);
    header('Content-Type: text/csv; charset=utf-8');
    header("Content-Disposition: attachment; filename=\"subscribers-{$channel['id']}.csv\"");
    header('Cache-Control: no-store');
    subscriber_csv($host, $channel, fopen('php://output', 'w'));
}
