<?php
declare(strict_types=1);

namespace Pushd\Platform\Audience;

use Pushd\Platform\Callback\Event;
use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Token\Appid;

/** Puts on record what events say of reminders: who subscribes and who wants no more, and consents for pushd. */
final class Recorder
{
    /** Seconds for which a stream is taken to last: the tables know no end. */
    const LIVE = 21600;

    private $db;
    private $clock;
    private $subscribers;
    private $consents;

    public function __construct(Config $config, Connection $db, Clock $clock)
    {
        $this->db = $db;
        $this->clock = $clock;
        $this->subscribers = new Subscribers($db);
        $this->consents = new Consents($config, $db);
    }

    /**
     * Takes an event of an account, and returns how many subscriptions it has begun or
     * ended: a code of one of the account's channels was scanned, a follower has left,
     * or wants no more. To be called in a transaction, where that is to hold for all.
     */
    public function record(string $appid, Event $event): int
    {
        $now = $this->clock->now();
        if ($event->kind === Event::UNSUBSCRIBE || $event->kind === Event::STOP) {
            $this->consents->withdraw($appid, $event->openid);
            return $this->subscribers->leaveAll($appid, $event->openid, $event->kind === Event::STOP ? max($event->created, $now) : $event->created);
        }
        $this->consents->note($appid, $event->openid, 1000000 * $now);
        $channel = $event->channel();
        if ($channel === 0 || !$this->isOpen($appid, $channel, $now)) {
            return 0;
        }
        $this->subscribers->record($appid, $event, $channel, 1000000 * $now);
        return $this->subscribers->has($channel, $event->openid) ? 1 : 0;
    }

    /** Is a channel one of the account's, and not over? */
    private function isOpen(string $appid, int $channel, int $now): bool
    {
        $row = $this->db->query('SELECT w.{user_wx_account.appid} AS appid FROM {activity} a
            JOIN {user_wx_account} w ON w.{user_wx_account.uin} = a.{activity.uin}
            WHERE a.{activity.id} = ? AND a.{activity.start_time} > ?', [$channel, $now - self::LIVE])->fetch();
        return $row !== false && Appid::canonical((string) $row['appid']) === $appid;
    }
}
