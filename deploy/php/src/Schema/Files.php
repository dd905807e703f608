<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

use Pushd\Platform\Config;

/** Where the migrations lie. */
final class Files
{
    /** The tables of cron and of the token endpoint. */
    public static function core(): array
    {
        return Migration::in(dirname(__DIR__, 2) . '/migrations', 'core');
    }

    /** The tables of the sample host, and of callbacks and subscribers. */
    public static function host(): array
    {
        return Migration::in(dirname(__DIR__, 2) . '/host/migrations', 'host');
    }

    /** What an installation needs: the host's, too, where it is used, or a callback with its secret. */
    public static function of(Config $config): array
    {
        return $config->get('host_secret') !== '' || $config->get('callback_secret') !== '' ? self::all() : self::core();
    }

    public static function all(): array
    {
        return array_merge(self::core(), self::host());
    }
}
