<?php
declare(strict_types=1);

namespace Pushd\Platform\Db;

use Pushd\Platform\Clock;

/**
 * The database's time, which is the same for all web servers, for cron and for
 * pushd. It is read once; from then on this machine's clock carries it on.
 */
final class DatabaseClock implements Clock
{
    private $db;
    private $ahead;

    public function __construct(Connection $db)
    {
        $this->db = $db;
    }

    public function now(): int
    {
        return time() + $this->ahead();
    }

    /** How many seconds the database is ahead of this machine. */
    public function ahead(): int
    {
        if ($this->ahead === null) {
            $this->ahead = $this->db->time() - time();
        }
        return $this->ahead;
    }
}
