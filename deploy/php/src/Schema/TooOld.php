<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

use PDO;
use PDOException;

/** The program is newer than its tables: a person must run migrate.php. */
final class TooOld extends PDOException
{
    /** Tables of the PHP side; a platform's own are not ours to judge. */
    private const OURS = '/\b(wx_access_token|pushd_php_\w+|host_\w+)\b/';

    /** The error that a failed statement comes from, or null if that is not the tables' age. */
    public static function behind(PDO $db, PDOException $e, string $sql): ?self
    {
        if ($e instanceof self || !self::lacks($e, $sql)) {
            return null;
        }
        $book = new Book($db);
        $host = preg_match('/\bhost_/', $sql) || preg_grep('/^host\//', $book->applied());
        $missing = [];
        foreach ($book->missing(Files::all()) as $migration) {
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

    /** Does an error say that a table or a column of ours is not there? */
    private static function lacks(PDOException $e, string $sql): bool
    {
        $code = (int) ($e->errorInfo[1] ?? 0);
        $text = $e->getMessage();
        // A table that is not there is denied to an account that has no right to it.
        if (in_array($code, [1146, 1142], true) || preg_match('/no such table/', $text)) {
            return preg_match(self::OURS, $text) === 1;
        }
        return (in_array($code, [1054, 1143], true) || preg_match('/no such column|has no column named/', $text))
            && preg_match(self::OURS, $sql) === 1;
    }
}
