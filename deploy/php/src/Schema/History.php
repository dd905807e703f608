<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

use PDO;
use PDOException;
use Pushd\Platform\Db\Connection;

/** Which migrations a database has had: the table pushd_php_schema. */
final class History
{
    private const TABLE = "CREATE TABLE IF NOT EXISTS {pushd_php_schema} (
  name       VARCHAR(64) NOT NULL PRIMARY KEY, -- core/001_tables; 'lease' is who is at it
  applied_at BIGINT      NOT NULL DEFAULT 0,
  busy_until BIGINT      NOT NULL DEFAULT 0,
  busy_by    CHAR(16)    NOT NULL DEFAULT ''
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */";

    private $db;

    public function __construct(Connection $db)
    {
        $this->db = $db;
    }

    /** The migrations of a list that the database has not had. */
    public function missing(array $migrations): array
    {
        $applied = $this->applied();
        return array_values(array_filter($migrations, function (Migration $m) use ($applied): bool {
            return !in_array($m->name(), $applied, true);
        }));
    }

    /** The names of those that it has had; none where the table is not there or may not be read. */
    public function applied(): array
    {
        try {
            return $this->db->pdo()->query($this->db->tables()->sql('SELECT name FROM {pushd_php_schema} WHERE applied_at > 0'))->fetchAll(PDO::FETCH_COLUMN);
        } catch (PDOException $e) {
            return [];
        }
    }

    /** Makes the table, which asks for the right to do so only where there is none. */
    public function open(): void
    {
        try {
            $this->db->pdo()->query($this->db->tables()->sql('SELECT name FROM {pushd_php_schema}'))->fetchAll();
        } catch (PDOException $e) {
            $this->db->pdo()->exec($this->sql());
        }
    }

    /** What makes the table, as a text. */
    public function sql(): string
    {
        return $this->db->tables()->sql(self::TABLE);
    }

    /** What records a migration, as a text. */
    public function record(Migration $m): string
    {
        return $this->db->tables()->sql('REPLACE INTO {pushd_php_schema} (name, applied_at) VALUES (')
            . $this->db->pdo()->quote($m->name()) . ', ' . $this->db->timeSql() . ')';
    }
}
