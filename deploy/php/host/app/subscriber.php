<?php
/**
 * Who asked for the reminder of a channel: whom the audience "subscribers"
 * reaches, and what an appeal to WeChat needs as proof that they had asked.
 */
declare(strict_types=1);

use Pushd\Platform\Audience\Consents;
use Pushd\Platform\Audience\Subscribers;
use Pushd\Platform\Callback\Event;
use Pushd\Platform\Config;

const SUBSCRIBER_KINDS = ['subscribe' => '扫码关注', 'SCAN' => '已关注，扫码', 'TAP' => '已关注，在直播页点击'];

/**
 * Records that a viewer asked. Events may overtake each other: an older one
 * changes nothing, and one of before the viewer left does not undo that. $left:
 * when they are known to have left after it, or 0.
 */
function subscriber_record(Host $host, string $appid, array $event, int $act, int $left): void
{
    $us = (int) $host->row('SELECT ' . follow_clock($host) . ' AS us')['us'];
    (new Subscribers($host->connection()))->record($appid, Event::of($event), $act, $us, $left);
}

/** What pushd is to hear of those who ask, follow or scan: they may have refused before. */
function consents(Host $host): Consents
{
    return new Consents(Config::checked($host->config), $host->connection());
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
    (new Subscribers($host->connection()))->leave($act, $openid, follow_seconds($host));
}

/** A viewer wants none of an account's, or has left it. How many that ends. */
function subscriber_leave_all(Host $host, string $appid, string $openid, int $at): int
{
    return (new Subscribers($host->connection()))->leaveAll($appid, $openid, $at);
}

/** The proof of consent as CSV, written to an open file. */
function subscriber_csv(Host $host, array $channel, $out): void
{
    fwrite($out, "\xEF\xBB\xBF"); // so that Excel reads UTF-8
    subscriber_line($out, ['openid', '公众号 AppID', '直播 ID', '直播标题', '订阅方式', '场景值', '订阅时间', '记录时间', '退订时间']);
    foreach ((new Subscribers($host->connection()))->each($channel['id']) as $row) {
        subscriber_line($out, [$row['openid'], $row['appid'], $channel['id'], $channel['title'],
            SUBSCRIBER_KINDS[$row['kind']] ?? $row['kind'], $row['scene'],
            $host->clock((int) $row['asked_at'], DATE_ATOM), $host->clock(intdiv((int) $row['noted_us'], 1000000), DATE_ATOM),
            (int) $row['left_at'] === 0 ? '' : $host->clock((int) $row['left_at'], DATE_ATOM)]);
    }
}

/** A line of CSV. A cell that a spreadsheet would run as a formula stays text; of a Chinese one also behind a full-width ＝ ＋ － ＠. */
function subscriber_line($out, array $cells): void
{
    fwrite($out, implode(',', array_map(function ($cell) {
        $text = preg_replace('/^(?:[=+\-@\t\r\n]|\xEF\xBC[\x9D\x8B\x8D\xA0])/', "'$0", (string) $cell);
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
