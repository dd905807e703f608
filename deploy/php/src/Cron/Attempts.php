<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

use PDOException;
use PDOStatement;
use Pushd\Platform\Clock;
use Pushd\Platform\Db\Connection;

/**
 * What became of earlier posts: the table pushd_php_attempt. Posting goes on
 * without it.
 */
final class Attempts
{
    const MAX_PAUSE = 300; // longest pause for all channels

    private $db;
    private $clock;
    private $failed;
    private $tries = []; // by name: how often pushd refused, or gave no answer

    /** $failed is called with what goes wrong. */
    public function __construct(Connection $db, Clock $clock, callable $failed)
    {
        $this->db = $db;
        $this->clock = $clock;
        $this->failed = $failed;
    }

    /**
     * Reads them, all at once: most channels have none. Returns how many seconds of a
     * pause that pushd asked for are left.
     */
    public function read(): int
    {
        $now = $this->clock->now();
        // Refusals of long ago are of no use any more.
        $this->query('DELETE FROM {pushd_php_attempt} WHERE next_try < ?', [$now - 86400]);
        $read = $this->query('SELECT act_id, start_time, next_try, tries FROM {pushd_php_attempt}', []);
        $pause = 0;
        while ($read !== null && $row = $read->fetch()) {
            $channel = new Channel((int) $row['act_id'], (int) $row['start_time'], '');
            $this->tries[$channel->name()] = (int) $row['tries'];
            if ($channel->name() === '0/0') {
                $pause = (int) $row['next_try'] - $now;
            }
        }
        return $pause <= self::MAX_PAUSE ? max(0, $pause) : 0; // beyond it, a clock was ahead
    }

    /** Counts one more try of a channel that came to nothing. */
    public function count(Channel $channel): int
    {
        $name = $channel->name();
        return $this->tries[$name] = ($this->tries[$name] ?? 0) + 1;
    }

    /** Notes when a channel may be asked for again, and pushd's code. */
    public function note(Channel $channel, int $seconds, string $answer): void
    {
        $this->query('REPLACE INTO {pushd_php_attempt} (act_id, start_time, next_try, tries, answer)
            VALUES (?, ?, ?, ?, ?)', [$channel->id, $channel->start, $this->clock->now() + $seconds, $this->tries[$channel->name()] ?? 1, $answer]);
    }

    /** Notes that no channel is posted for so many seconds. */
    public function pause(int $seconds): void
    {
        $this->note(new Channel(0, 0, ''), $seconds, 'pause');
    }

    public function forget(Channel $channel): void
    {
        if (isset($this->tries[$channel->name()])) {
            $this->query('DELETE FROM {pushd_php_attempt} WHERE act_id = ? AND start_time = ?', [$channel->id, $channel->start]);
        }
    }

    private function query(string $sql, array $args): ?PDOStatement
    {
        try {
            return $this->db->query($sql, $args);
        } catch (PDOException $e) {
            ($this->failed)($e);
            return null;
        }
    }
}
