<?php
declare(strict_types=1);

namespace Pushd\Platform\Console;

use Pushd\Platform\Db\Connection;
use Pushd\Platform\Schema\Files;
use Pushd\Platform\Schema\Migrator;

/** Makes or updates the tables of the PHP side. */
final class Migrate
{
    const WAIT = 300; // seconds for another that is at it

    private $db;
    private $host;
    private $say;

    /** $host: the tables of the sample host, too. $say is called with each line for people. */
    public function __construct(Connection $db, bool $host, callable $say)
    {
        $this->db = $db;
        $this->host = $host;
        $this->say = $say;
    }

    public function run(): void
    {
        $applied = $this->migrator()->run(self::WAIT);
        ($this->say)($applied === 0 ? 'the tables are up to date' : "$applied migrations applied, the tables are up to date");
        if (!$this->host && Files::host() !== []) {
            ($this->say)('the tables of the sample host are left out: host_secret is not set, and there was no --host');
        }
    }

    /** What run() would do, as SQL. */
    public function sql(): string
    {
        return $this->migrator()->sql();
    }

    private function migrator(): Migrator
    {
        return new Migrator($this->db, $this->host ? Files::all() : Files::core(), $this->say);
    }
}
