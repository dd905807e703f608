<?php
/** Deletes what is kept no longer. Whoever asked and left is deleted first. */
declare(strict_types=1);

const TIDY_BATCH = 5000; // rows of one statement: it holds no lock for long

/** Deletes what is over, table by table: how many rows each. */
function tidy_all(Host $host): array
{
    $now = follow_seconds($host);
    $keep = $now - 86400 * pushd_number('keep_days', $host->config['keep_days'], 1, 36500);
    $left = $now - 86400 * pushd_number('left_days', $host->config['left_days'], 0, 36500);
    return [
        // A stream that is still to come keeps its subscribers, whenever they asked.
        'host_subscriber' => tidy($host, 'host_subscriber', 'act_id, openid',
            '(left_at > 0 AND left_at < ?) OR (asked_at < ? AND NOT EXISTS
            (SELECT 1 FROM {activity} a WHERE a.{activity.id} = {host_subscriber}.act_id AND a.{activity.start_time} >= ?))', [$left, $keep, $keep]),
        'host_follow'   => tidy($host, 'host_follow', 'appid, openid, created_at',
            '(left_at > 0 AND left_at < ?) OR noted_us < ?', [$left, 1000000 * $keep]),
        'host_consent'  => tidy($host, 'host_consent', 'appid, openid', 'noted_us < ?', [1000000 * $keep]),
        'host_callback' => tidy($host, 'host_callback', 'seen_at', 'seen_at < ?', [$now - 600]),
        'host_receipt'  => tidy($host, 'host_receipt', 'appid, signature', 'noted_at < ?', [$now - RECEIPT_KEPT]),
        'host_qrcode'   => tidy($host, 'host_qrcode', 'appid, scene', 'expires_at < ? AND retry_at < ?', [$now - 86400, $now - 86400]),
        'host_trial'    => tidy($host, 'host_trial', 'nonce', 'expires_at < ?', [$now - 86400]),
    ];
}

function tidy(Host $host, string $table, string $key, string $where, array $args): int
{
    $mysql = $host->db()->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql';
    $deleted = 0;
    do {
        $rows = $host->query("DELETE FROM $table WHERE $where" . ($mysql ? " ORDER BY $key LIMIT " . TIDY_BATCH : ''), $args)->rowCount();
        $deleted += $rows;
    } while ($mysql && $rows === TIDY_BATCH);
    return $deleted;
}
