<?php
/** Who follows, as WeChat's callback tells. All moments are the database's. */
declare(strict_types=1);

/** The database's clock in microseconds, as SQL: web servers may differ. */
function follow_clock(Host $host): string
{
    return $host->db()->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql' ? 'UNIX_TIMESTAMP() * 1000000 + MICROSECOND(NOW(6))'
        : "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)";
}

function follow_now(Host $host): int
{
    return (int) $host->row('SELECT ' . follow_clock($host) . ' AS us')['us'];
}

function follow_seconds(Host $host): int
{
    return intdiv(follow_now($host), 1000000);
}

/**
 * Records a subscribe or SCAN. Returns the reference of its row, or '' if
 * this very event was recorded before.
 */
function follow_record(Host $host, string $appid, array $event, int $act): string
{
    $ref = bin2hex(random_bytes(16));
    $new = $host->unlessTwice('INSERT INTO host_follow (appid, openid, created_at, kind, scene, act_id, noted_us, ref)
        VALUES (?, ?, ?, ?, ?, ?, ' . follow_clock($host) . ', ?)', [$appid, $event['openid'], $event['created'], $event['kind'],
        $event['scene'], $act, $ref]);
    return $new ? $ref : '';
}

/**
 * Records that a follower left. Events may overtake each other: only earlier
 * follows end, and the row keeps a later one that is older from counting.
 */
function follow_left(Host $host, string $appid, array $event): void
{
    follow_record($host, $appid, ['scene' => ''] + $event, 0);
    $host->query('UPDATE host_follow SET left_at = ? WHERE appid = ? AND openid = ? AND left_at = 0 AND created_at <= ?',
        [$event['created'], $appid, $event['openid'], $event['created']]);
    subscriber_leave_all($host, $appid, $event['openid'], $event['created']);
}

/**
 * When the follower whom a row is of left after it, as far as is known; or 0.
 * It is to be the first read of the transaction that has written the row: then
 * either it finds the other event, or that event waits for the row and ends it.
 */
function follow_overtaken(Host $host, string $appid, array $event, string $ref): int
{
    $row = $host->row("SELECT created_at FROM host_follow WHERE appid = ? AND openid = ? AND created_at >= ? AND kind = 'unsubscribe'
        ORDER BY created_at DESC LIMIT 1", [$appid, $event['openid'], $event['created']]);
    if ($row === null) {
        return 0;
    }
    $host->query('UPDATE host_follow SET left_at = ? WHERE ref = ?', [(int) $row['created_at'], $ref]);
    return (int) $row['created_at'];
}

/**
 * Has this channel's code been scanned between two moments (microseconds) by
 * one who has not left or unsubscribed since?
 */
function follow_since(Host $host, int $act, int $after, int $until = PHP_INT_MAX): bool
{
    return $host->row('SELECT 1 AS yes FROM host_follow f
        LEFT JOIN host_subscriber s ON s.act_id = f.act_id AND s.openid = f.openid
        WHERE f.act_id = ? AND f.noted_us > ? AND f.noted_us <= ? AND f.left_at = 0 AND COALESCE(s.left_at, 0) = 0
        LIMIT 1', [$act, $after, $until]) !== null;
}

/** The openid of the row that this reference names, if it still follows the account; else ''. */
function follow_openid(Host $host, string $appid, string $ref): string
{
    if (!preg_match('/^[0-9a-f]{32}$/D', $ref)) {
        return '';
    }
    $row = $host->row('SELECT openid FROM host_follow WHERE ref = ? AND appid = ? AND left_at = 0', [$ref, $appid]);
    return (string) ($row['openid'] ?? '');
}
