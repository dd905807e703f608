<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

/** The Listener of a platform that has none: it answers those alone who end their subscriptions. */
final class Quiet implements Listener
{
    public function event(string $appid, Event $event, int $channels): string
    {
        return $event->kind === Event::STOP && $channels > 0 ? "已退订 $channels 场直播的开播提醒。" : '';
    }
}
