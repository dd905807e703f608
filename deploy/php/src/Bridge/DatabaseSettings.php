<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge;

use Pushd\Platform\ConfigError;

/** The settings of a framework's database connection as those of this package. */
final class DatabaseSettings
{
    /** A connection of Laravel's config/database.php. */
    public static function ofLaravel(array $c): array
    {
        if (isset($c['write']) && is_array($c['write'])) {
            $c = array_merge($c, $c['write']);
        }
        return self::make($c['driver'] ?? '', $c['host'] ?? '', $c['port'] ?? '', $c['unix_socket'] ?? '',
            $c['database'] ?? '', $c['username'] ?? '', $c['password'] ?? '', $c['prefix'] ?? '');
    }

    /** A connection of ThinkPHP's config/database.php. */
    public static function ofThink(array $c): array
    {
        return self::make($c['type'] ?? '', $c['hostname'] ?? '', $c['hostport'] ?? '', $c['socket'] ?? '',
            $c['database'] ?? '', $c['username'] ?? '', $c['password'] ?? '', $c['prefix'] ?? '');
    }

    /** $host may be a list, as for ThinkPHP's distributed databases: the first is the one that is written to. */
    private static function make(string $driver, $host, $port, string $socket, string $name, $user, $password, string $prefix): array
    {
        list($host, $port) = [self::first($host), self::first($port)];
        $tables = $prefix === '' ? [] : ['prefix' => $prefix];
        if ($driver === 'sqlite') {
            return ['db_dsn' => "sqlite:$name", 'tables' => $tables];
        }
        if ($driver !== 'mysql' && $driver !== 'mariadb') {
            throw new ConfigError("the database connection is of the kind '$driver'; want mysql or sqlite");
        }
        $at = $socket !== '' ? "unix_socket=$socket" : 'host=' . $host . ($port !== '' ? ";port=$port" : '');
        return ['db_dsn' => "mysql:$at;dbname=$name;charset=utf8mb4", 'db_user' => $user, 'db_password' => $password, 'tables' => $tables];
    }

    private static function first($value): string
    {
        return trim(explode(',', (string) (is_array($value) ? reset($value) : $value))[0]);
    }
}
