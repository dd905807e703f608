<?php
declare(strict_types=1);

namespace Pushd\Platform\Db;

use PDO;
use PDOException;
use PDOStatement;
use Pushd\Platform\Config;
use Pushd\Platform\Schema\TooOld;
use Pushd\Platform\Tables;
use Throwable;

/** The platform's database: MySQL and its relatives, or SQLite. */
final class Connection
{
    /** Seconds that a statement may take beside a wait for a lock. */
    const SECONDS = 5;

    private $pdo;
    private $tables;

    public function __construct(PDO $pdo, Tables $tables)
    {
        $this->pdo = $pdo;
        $this->tables = $tables;
    }

    /**
     * Opens the database of the settings. A PDOException that is not caught would
     * print the password in its trace, so another one takes its place. $seconds: how
     * long a statement may take, where that is not the usual.
     */
    public static function open(Config $config, int $seconds = 0): self
    {
        // mysqlnd waits a day for an answer by default, the greeting included. It
        // must be longer than the longest wait for a lock.
        ini_set('mysqlnd.net_read_timeout', (string) ($seconds > 0 ? $seconds : $config->get('lock_wait') + self::SECONDS));
        try {
            $pdo = new PDO($config->get('db_dsn'), $config->get('db_user'), $config->get('db_password'), [
                PDO::ATTR_ERRMODE            => PDO::ERRMODE_EXCEPTION,
                PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
                PDO::ATTR_TIMEOUT            => 5, // seconds: to connect (MySQL), to wait for a lock (SQLite)
            ]);
            if ($pdo->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql') {
                self::prepareSession($pdo);
            }
            return new self($pdo, $config->tables());
        } catch (PDOException $e) {
            $text = $e->getMessage();
        }
        throw new PDOException('cannot open the database: ' . $text);
    }

    public function pdo(): PDO
    {
        return $this->pdo;
    }

    public function tables(): Tables
    {
        return $this->tables;
    }

    /** mysql or sqlite. */
    public function driver(): string
    {
        return (string) $this->pdo->getAttribute(PDO::ATTR_DRIVER_NAME);
    }

    /** Runs one statement with its arguments. Throws TooOld where the tables lack what a newer file wants. */
    public function query(string $sql, array $args = []): PDOStatement
    {
        $sql = $this->tables->sql($sql);
        if ($args !== [] && is_string(key($args))) {
            list($sql, $args) = self::names($sql, $args);
        }
        try {
            $statement = $this->pdo->prepare($sql);
            foreach ($args as $name => $value) {
                $statement->bindValue(is_int($name) ? $name + 1 : $name, $value, is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
            }
            $statement->execute();
            return $statement;
        } catch (PDOException $e) {
            throw TooOld::behind($this, $e, $sql) ?? $e;
        }
    }

    /**
     * Runs one statement, again where it lost against another: on a cluster a write at
     * the same moment on another node is a deadlock. Outside of transactions only.
     */
    public function write(string $sql, array $args = []): PDOStatement
    {
        for ($try = 1; ; $try++) {
            try {
                return $this->query($sql, $args);
            } catch (PDOException $e) {
                if ($try >= 5 || !self::lost($e)) {
                    throw $e;
                }
                usleep(random_int(10000, 50000));
            }
        }
    }

    /**
     * Runs $work in a transaction: all of it is saved, or nothing. What lost against
     * another transaction runs once more, so $work must bear that.
     */
    public function transaction(callable $work)
    {
        try {
            return $this->attempt($work);
        } catch (PDOException $e) {
            if (self::lost($e) || (string) $e->getCode() === '40001') {
                return $this->attempt($work);
            }
            throw $e;
        }
    }

    private function attempt(callable $work)
    {
        $this->pdo->beginTransaction();
        try {
            $result = $work();
            $this->pdo->commit();
            return $result;
        } catch (Throwable $e) {
            try {
                $this->pdo->rollBack();
            } catch (PDOException $lost) { // the connection is gone, and the transaction with it
                error_log('roll back: ' . $lost->getMessage());
            }
            throw $e;
        }
    }

    /** Did a statement lose against another's, so that it may succeed a moment later? */
    public static function lost(PDOException $e): bool
    {
        // A deadlock; a wait for a lock that was too long.
        return in_array((int) ($e->errorInfo[1] ?? 0), [1213, 1205], true);
    }

    /** Writes a row; false if its key is there already. */
    public function insert(string $sql, array $args): bool
    {
        try {
            $this->query($sql, $args);
            return true;
        } catch (PDOException $e) {
            if (in_array((int) ($e->errorInfo[1] ?? 0), [1062, 19], true)) { // MySQL, SQLite
                return false;
            }
            throw $e;
        }
    }

    /** The database's time in unix seconds. */
    public function time(): int
    {
        return (int) $this->query('SELECT ' . $this->timeSql())->fetchColumn();
    }

    /** The database's time in unix seconds, as SQL. */
    public function timeSql(): string
    {
        return $this->driver() === 'mysql' ? 'UNIX_TIMESTAMP()' : "CAST(strftime('%s', 'now') AS INTEGER)";
    }

    /**
     * Says what the session needs, whatever the server's settings and init_connect
     * have made of it. Where the server reads another character set than PDO quotes
     * for, a text can leave its parameter; without autocommit nothing is kept.
     */
    private static function prepareSession(PDO $pdo): void
    {
        $pdo->exec('SET NAMES utf8mb4');
        $pdo->exec("SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'");
        $pdo->exec('SET SESSION autocommit = 1');
        $pdo->exec("SET SESSION completion_type = 'NO_CHAIN'");
        $pdo->exec('SET SESSION sql_select_limit = DEFAULT');
        $pdo->exec('SET SESSION sql_safe_updates = 0');
        // The statement and its values travel apart: no quoting can go wrong.
        $pdo->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
    }

    /**
     * Gives each use of a named parameter a name of its own: a prepared statement
     * of the server takes a name once. Quoted texts are left alone.
     */
    private static function names(string $sql, array $args): array
    {
        $bound = [];
        $sql = preg_replace_callback(
            '/\'(?:[^\'\\\\]|\\\\.|\'\')*\'|"(?:[^"\\\\]|\\\\.|"")*"|`[^`]*`|(?<![:\w]):[a-z_]\w*/i',
            function (array $m) use ($args, &$bound) {
                if ($m[0][0] !== ':' || !array_key_exists($m[0], $args)) {
                    return $m[0];
                }
                $name = $m[0] . '__' . count($bound);
                $bound[$name] = $args[$m[0]];
                return $name;
            },
            $sql
        );
        return [$sql, $bound];
    }
}
