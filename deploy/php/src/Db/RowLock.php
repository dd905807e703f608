<?php
declare(strict_types=1);

namespace Pushd\Platform\Db;

use PDOException;

/**
 * A lock that all web servers see, as a row of its own. GET_LOCK is one node's
 * alone in a cluster, refused by some, and lost behind a proxy.
 */
final class RowLock
{
    /** How long it is held at most by one who has died. */
    const SECONDS = 30;

    private $db;
    private $name;
    private $me;

    private function __construct(Connection $db, string $name)
    {
        $this->db = $db;
        $this->name = md5($name); // names are of any length
        $this->me = bin2hex(random_bytes(8));
    }

    /** Takes it, waiting at most so many seconds; null if it was not free in time. */
    public static function take(Connection $db, string $name, int $wait): ?self
    {
        $lock = new self($db, $name);
        $until = microtime(true) + $wait;
        while (!$lock->try()) {
            if (microtime(true) >= $until) {
                return null;
            }
            usleep(random_int(20000, 80000));
        }
        return $lock;
    }

    /** Gives it back. Never throws: it ends by itself. */
    public function release(): void
    {
        try {
            $this->db->write('DELETE FROM {pushd_php_lock} WHERE name = ? AND busy_by = ?', [$this->name, $this->me]);
        } catch (PDOException $e) {
            error_log('pushd: a lock was not given back: ' . $e->getMessage());
        }
    }

    private function try(): bool
    {
        try {
            return $this->write();
        } catch (PDOException $e) {
            if (Connection::lost($e)) {
                return false; // another was faster, on another node of a cluster
            }
            throw $e;
        }
    }

    private function write(): bool
    {
        $now = $this->db->timeSql();
        $until = $now . ' + ' . self::SECONDS;
        if ($this->db->insert("INSERT INTO {pushd_php_lock} (name, busy_until, busy_by) VALUES (?, $until, ?)", [$this->name, $this->me])) {
            return true;
        }
        // One beyond what any process takes was written by a clock that was ahead.
        return $this->db->query("UPDATE {pushd_php_lock} SET busy_until = $until, busy_by = ?
            WHERE name = ? AND (busy_until <= $now OR busy_until > $until)", [$this->me, $this->name])->rowCount() === 1;
    }
}
