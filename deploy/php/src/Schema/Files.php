<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

/** Where the migrations lie. */
final class Files
{
    /** The tables of cron and of the token endpoint. */
    public static function core(): array
    {
        return Migration::in(dirname(__DIR__, 2) . '/migrations', 'core');
    }

    /** The tables of the sample host; none where it was not installed. */
    public static function host(): array
    {
        return Migration::in(dirname(__DIR__, 2) . '/host/migrations', 'host');
    }

    public static function all(): array
    {
        return array_merge(self::core(), self::host());
    }
}
