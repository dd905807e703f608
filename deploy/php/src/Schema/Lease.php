<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

use PDOException;
use Pushd\Platform\Db\Connection;

/**
 * The right to change the tables: a mark in a row, judged by the affected rows,
 * which every node of a cluster and every proxy understands. It ends by itself.
 * Who changes tables beyond its end meets another: each finds the other's changes
 * done, for DDL of one table waits for DDL of that table.
 */
final class Lease
{
    const SECONDS = 120;

    private $db;
    private $now;
    private $me;

    public function __construct(Connection $db)
    {
        $this->db = $db;
        $this->now = $db->timeSql(); // machines disagree
        $this->me = bin2hex(random_bytes(8));
    }

    /** Tries to take it. */
    public function take(): bool
    {
        $this->row();
        $until = $this->now . ' + ' . self::SECONDS;
        return $this->db->write("UPDATE {pushd_php_schema} SET busy_until = $until, busy_by = ?
            WHERE name = 'lease' AND (busy_until <= {$this->now} OR busy_until > $until)", [$this->me])->rowCount() === 1;
    }

    /** Prolongs it. False: it is another's by now. */
    public function renew(): bool
    {
        $this->db->write("UPDATE {pushd_php_schema} SET busy_until = {$this->now} + " . self::SECONDS . " WHERE name = 'lease' AND busy_by = ?", [$this->me]);
        return $this->db->query("SELECT busy_by FROM {pushd_php_schema} WHERE name = 'lease'")->fetchColumn() === $this->me;
    }

    public function release(): void
    {
        $this->db->write("UPDATE {pushd_php_schema} SET busy_until = 0, busy_by = '' WHERE name = 'lease' AND busy_by = ?", [$this->me]);
    }

    private function row(): void
    {
        try {
            $this->db->query("INSERT INTO {pushd_php_schema} (name) SELECT 'lease' FROM (SELECT COUNT(*) AS n
                FROM {pushd_php_schema} WHERE name = 'lease') t WHERE t.n = 0");
        } catch (PDOException $e) {
            // Another was faster. If the row is not there, take() finds none.
            if ($e->getCode() !== '23000' && !Connection::lost($e)) {
                throw $e;
            }
        }
    }
}
