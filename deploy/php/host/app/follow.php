<?php
/** Who follows, as WeChat's callback tells. */
declare(strict_types=1);

/**
 * Records a subscribe or SCAN. Returns the reference of its row, or '' if
 * this very event was recorded before.
 */
function follow_record(Host $host, string $appid, array $event, int $act): string
{
    $ref = bin2hex(random_bytes(16));
    $new = $host->unlessTwice('INSERT INTO host_follow (appid, openid, created_at, kind, scene, act_id, noted_us, ref)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)', [$appid, $event['openid'], $event['created'], $event['kind'], $event['scene'],
        $act, follow_now(), $ref]);
    return $new ? $ref : '';
}

function follow_now(): int
{
    return (int) (microtime(true) * 1e6);
}

/** Somebody left. Events may overtake each other: only earlier follows end. */
function follow_left(Host $host, string $appid, array $event): void
{
    $host->query('UPDATE host_follow SET left_at = ? WHERE appid = ? AND openid = ? AND left_at = 0 AND created_at <= ?',
        [time(), $appid, $event['openid'], $event['created']]);
}

/** Has anybody scanned this channel's code since then (microseconds)? */
function follow_since(Host $host, int $act, int $after): bool
{
    return $host->row('SELECT 1 AS yes FROM host_follow WHERE act_id = ? AND noted_us > ? LIMIT 1', [$act, $after]) !== null;
}

/** Does the row that this reference names still follow the account? */
function follow_known(Host $host, string $appid, string $ref): bool
{
    return preg_match('/^[0-9a-f]{32}$/D', $ref)
        && $host->row('SELECT 1 AS yes FROM host_follow WHERE ref = ? AND appid = ? AND left_at = 0', [$ref, $appid]) !== null;
}
