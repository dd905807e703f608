<?php
declare(strict_types=1);

namespace Pushd\Platform\Audience;

use Generator;
use Pushd\Platform\Callback\Event;
use Pushd\Platform\Db\Connection;

/**
 * Who asked for the reminder of a channel: the table host_subscriber. The audience
 * "subscribers" reaches them, and an appeal to WeChat needs it as proof of consent.
 */
final class Subscribers
{
    private $db;

    public function __construct(Connection $db)
    {
        $this->db = $db;
    }

    /**
     * Records that a viewer asked. Events may overtake each other: an older one changes
     * nothing, and one of before the viewer left does not undo that. $nowUs: the
     * database's time in microseconds. $left: when they are known to have left after
     * it, or 0.
     */
    public function record(string $appid, Event $event, int $channel, int $nowUs, int $left = 0): void
    {
        $row = [$appid, $event->kind, $event->scene, $event->created, $nowUs, $left, $channel, $event->openid];
        if ($this->db->insert('INSERT INTO {host_subscriber} (appid, kind, scene, asked_at, noted_us, left_at, act_id, openid)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)', $row)) {
            return;
        }
        // promised comes first: MySQL lets what follows see the new values.
        $this->db->query('UPDATE {host_subscriber} SET promised = CASE WHEN left_at = 0 THEN promised ELSE 0 END,
            appid = ?, kind = ?, scene = ?, asked_at = ?, noted_us = ?, left_at = ?
            WHERE act_id = ? AND openid = ? AND asked_at <= ? AND left_at < ?', array_merge($row, [$event->created, $event->created]));
    }

    /** Has a viewer asked, and not left since? */
    public function has(int $channel, string $openid): bool
    {
        return $this->db->query('SELECT 1 FROM {host_subscriber} WHERE act_id = ? AND openid = ? AND left_at = 0', [$channel, $openid])->fetch() !== false;
    }

    /** A viewer wants no reminder of this channel any more. */
    public function leave(int $channel, string $openid, int $at): void
    {
        $this->db->query('UPDATE {host_subscriber} SET left_at = ? WHERE act_id = ? AND openid = ? AND left_at = 0', [$at, $channel, $openid]);
    }

    /** A viewer wants none of an account's, or has left it. Returns how many that ends. */
    public function leaveAll(string $appid, string $openid, int $at): int
    {
        return $this->db->query('UPDATE {host_subscriber} SET left_at = ? WHERE appid = ? AND openid = ? AND left_at = 0 AND asked_at <= ?',
            [$at, $appid, $openid, $at])->rowCount();
    }

    /** All rows of a channel, a part at a time: there may be a million. */
    public function each(int $channel): Generator
    {
        $after = '';
        do {
            $rows = $this->db->query('SELECT openid, appid, kind, scene, asked_at, noted_us, left_at FROM {host_subscriber}
                WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT 1000', [$channel, $after])->fetchAll();
            foreach ($rows as $row) {
                yield $row;
                $after = $row['openid'];
            }
        } while (count($rows) === 1000);
    }
}
