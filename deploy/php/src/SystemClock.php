<?php
declare(strict_types=1);

namespace Pushd\Platform;

/** This machine's time. */
final class SystemClock implements Clock
{
    public function now(): int
    {
        return time();
    }
}
