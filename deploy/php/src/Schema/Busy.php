<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

/** The tables could not be changed now: the same command may succeed later. */
final class Busy extends \RuntimeException
{
}
