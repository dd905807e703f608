<?php
declare(strict_types=1);

namespace Pushd\Platform;

/** What time it is, in unix seconds. */
interface Clock
{
    public function now(): int;
}
