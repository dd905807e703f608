<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

use PDOException;
use Pushd\Platform\Db\Connection;
use RuntimeException;

/**
 * Applies the migrations that a database has not had. Databases commit DDL as
 * they go, so what failed half-way begins again with its first statement, and a
 * statement that finds its change made already is done. That also adopts tables
 * that were there before anything was recorded.
 */
final class Migrator
{
    private $db;
    private $migrations;
    private $say;
    private $history;

    /** $say is called with each line that a person should read. */
    public function __construct(Connection $db, array $migrations, callable $say)
    {
        $this->db = $db;
        $this->migrations = $migrations;
        $this->say = $say;
        $this->history = new History($db);
    }

    /** Applies what is missing and returns how many; waits so many seconds for another that is at it. */
    public function run(int $wait): int
    {
        if ($this->db->driver() === 'mysql') {
            // A table that is in use elsewhere is not waited for: the platform's
            // statements would queue up behind.
            $this->db->pdo()->exec('SET SESSION lock_wait_timeout = 5');
        }
        $this->history->open();
        if ($this->history->missing($this->migrations) === []) {
            return 0;
        }
        $lease = $this->take($wait);
        try {
            $missing = $this->history->missing($this->migrations);
            foreach ($missing as $migration) {
                $this->apply($migration, $lease);
            }
            return count($missing);
        } finally {
            $lease->release();
        }
    }

    /** What run() would do, as SQL for those who apply it by hand. */
    public function sql(): string
    {
        $text = '';
        foreach ($this->history->missing($this->migrations) as $migration) {
            $text .= '-- ' . $migration->name() . "\n";
            foreach ($this->statements($migration) as $statement) {
                $text .= $statement . ";\n";
            }
            $text .= $this->history->record($migration) . ";\n\n";
        }
        return $text === '' ? '' : $this->history->sql() . ";\n\n" . $text;
    }

    private function take(int $wait): Lease
    {
        $lease = new Lease($this->db);
        $until = microtime(true) + $wait;
        for ($said = false; !$lease->take(); $said = true) {
            if (microtime(true) >= $until) {
                throw new Busy('another program has been changing the tables all the time; run it again');
            }
            if (!$said) {
                ($this->say)('another program is changing the tables; waiting for it');
            }
            usleep(200000);
        }
        return $lease;
    }

    private function apply(Migration $migration, Lease $lease): void
    {
        $statements = $this->statements($migration);
        $there = 0;
        foreach ($statements as $i => $statement) {
            if (!$lease->renew()) {
                throw new Busy('the lease has passed to another program, which goes on; run it again');
            }
            try {
                $this->db->pdo()->exec($statement);
            } catch (PDOException $e) {
                if (!$this->done($e)) {
                    throw $this->failed($migration->name() . ', statement ' . ($i + 1), $e);
                }
                $there++;
            }
        }
        $this->db->pdo()->exec($this->history->record($migration));
        ($this->say)($migration->name() . ': applied' . ($there > 0 ? ", $there of its " . count($statements) . ' changes were there already' : ''));
    }

    /** The statements of a migration, with the names that the platform has chosen. */
    private function statements(Migration $migration): array
    {
        return array_map([$this->db->tables(), 'plain'], $migration->statements($this->db->driver()));
    }

    /** Does an error say that the change was made before? */
    private function done(PDOException $e): bool
    {
        // Table, column and key are there; what is to be dropped is not.
        if (in_array((int) ($e->errorInfo[1] ?? 0), [1050, 1060, 1061, 1091], true)) {
            return true;
        }
        return $this->db->driver() === 'sqlite'
            && preg_match('/already exists|duplicate column name|no such index/', $e->getMessage()) === 1;
    }

    private function failed(string $where, PDOException $e): RuntimeException
    {
        if ((int) ($e->errorInfo[1] ?? 0) === 1205) {
            return new Busy("$where: the table is in use, run it again: " . $e->getMessage());
        }
        return new RuntimeException("$where: " . $e->getMessage() . ' (run it again once that is put right)');
    }
}
