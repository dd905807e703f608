<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

use PDOException;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Tables;

/** The program is newer than its tables: a person must run migrate.php. */
final class TooOld extends PDOException
{
    /** The error that a failed statement comes from, or null if that is not the tables' age. */
    public static function behind(Connection $db, PDOException $e, string $sql): ?self
    {
        if ($e instanceof self || !self::lacks($db->tables(), $e, $sql)) {
            return null;
        }
        $history = new History($db);
        $host = preg_match('/\bhost_/', $sql) || preg_grep('/^host\//', $history->applied());
        $missing = [];
        foreach ($history->missing(Files::all()) as $migration) {
            if ($host || $migration->component() === 'core') {
                $missing[] = $migration->name();
            }
        }
        if ($missing === []) {
            return null;
        }
        return new self('the tables of the PHP side are older than its files (' . implode(', ', $missing)
            . '): run php migrate.php. The database said: ' . $e->getMessage());
    }

    /** Does an error say that a table or a column of ours is not there? The platform's own are not ours to judge. */
    private static function lacks(Tables $tables, PDOException $e, string $sql): bool
    {
        $code = (int) ($e->errorInfo[1] ?? 0);
        $text = $e->getMessage();
        // A table that is not there is denied to an account that has no right to it.
        if (in_array($code, [1146, 1142], true) || preg_match('/no such table/', $text)) {
            return $tables->names($text);
        }
        return (in_array($code, [1054, 1143], true) || preg_match('/no such column|has no column named/', $text))
            && $tables->names($sql);
    }
}
