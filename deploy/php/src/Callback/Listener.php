<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

/** What a platform does when a follower comes, scans, leaves, or wants no more reminders. */
interface Listener
{
    /**
     * Takes an event of an account, which is signed and was not seen before. $channels:
     * how many reminders the follower has subscribed to by it (one, of the channel
     * $event->channel()), or has ended by it. Returns the text that the follower reads,
     * '' for none. What is thrown is answered with HTTP 500, after which WeChat sends the
     * event again: so one may come twice. WeChat waits five seconds.
     */
    public function event(string $appid, Event $event, int $channels): string;
}
