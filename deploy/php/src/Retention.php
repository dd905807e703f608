<?php
declare(strict_types=1);

namespace Pushd\Platform;

use Pushd\Platform\Callback\Receipts;
use Pushd\Platform\Callback\Replay;
use Pushd\Platform\Db\Connection;

/**
 * How long the tables of callbacks and of subscribers keep what, by the settings
 * keep_days and left_days. Whoever subscribed and left is deleted first.
 */
final class Retention
{
    private const BATCH = 5000; // rows of one statement: it holds no lock for long

    private $config;
    private $db;
    private $clock;

    public function __construct(Config $config, Connection $db, Clock $clock)
    {
        $this->config = $config;
        $this->db = $db;
        $this->clock = $clock;
    }

    /** Deletes what is over, table by table: how many rows each. */
    public function apply(): array
    {
        $now = $this->clock->now();
        $day = $now - 86400;
        $keep = $now - 86400 * Config::number('keep_days', $this->config->get('keep_days'), 1, 36500);
        $left = $now - 86400 * Config::number('left_days', $this->config->get('left_days'), 0, 36500);
        return [
            // A stream that is still to come keeps its subscribers, whenever they asked.
            'host_subscriber' => $this->delete('host_subscriber', 'act_id, openid',
                '(left_at > 0 AND left_at < ?) OR (asked_at < ? AND NOT EXISTS (SELECT 1 FROM {activity} a
                WHERE a.{activity.id} = {host_subscriber}.act_id AND a.{activity.start_time} >= ?))', [$left, $keep, $keep]),
            'host_follow'   => $this->delete('host_follow', 'appid, openid, created_at',
                '(left_at > 0 AND left_at < ?) OR noted_us < ?', [$left, 1000000 * $keep]),
            'host_consent'  => $this->delete('host_consent', 'appid, openid', 'noted_us < ?', [1000000 * $keep]),
            'host_callback' => $this->delete('host_callback', 'seen_at', 'seen_at < ?', [$now - Replay::KEPT]),
            'host_receipt'  => $this->delete('host_receipt', 'appid, signature', 'noted_at < ?', [$now - Receipts::KEPT]),
            'host_qrcode'   => $this->delete('host_qrcode', 'appid, scene', 'expires_at < ? AND retry_at < ?', [$day, $day]),
            'host_trial'    => $this->delete('host_trial', 'nonce', 'expires_at < ?', [$day]),
        ];
    }

    private function delete(string $table, string $key, string $where, array $args): int
    {
        $mysql = $this->db->driver() === 'mysql';
        $sql = 'DELETE FROM {' . $table . "} WHERE $where" . ($mysql ? " ORDER BY $key LIMIT " . self::BATCH : '');
        $deleted = 0;
        do {
            $rows = $this->db->query($sql, $args)->rowCount();
            $deleted += $rows;
        } while ($mysql && $rows === self::BATCH);
        return $deleted;
    }
}
