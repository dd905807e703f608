<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

/** A channel whose reminder is due. A reminder is a channel with a start time. */
final class Channel
{
    public $id;
    public $start;
    /** As the platform has it, blanks and all. */
    public $appid;

    public function __construct(int $id, int $start, string $appid)
    {
        $this->id = $id;
        $this->start = $start;
        $this->appid = $appid;
    }

    public function name(): string
    {
        return $this->id . '/' . $this->start;
    }
}
