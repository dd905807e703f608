<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

use Pushd\Platform\Clock;
use Pushd\Platform\Db\Connection;

/**
 * Signatures that were acted on: the table host_callback. WeChat's sign no body, so
 * each is good for one request.
 */
final class Replay
{
    /** Seconds that one is remembered: as long as it is good, both sides of now. */
    const KEPT = 2 * Signature::FRESH;

    private $db;
    private $clock;

    public function __construct(Connection $db, Clock $clock)
    {
        $this->db = $db;
        $this->clock = $clock;
    }

    /** Uses a signature up; false if it was. In a transaction what failed half-way is taken when it comes again. */
    public function isNew(string $appid, string $signature): bool
    {
        return $this->db->insert('INSERT INTO {host_callback} (appid, signature, seen_at) VALUES (?, ?, ?)',
            [$appid, $signature, $this->clock->now()]);
    }

    /** Removes those that are over. */
    public function tidy(): void
    {
        $this->db->query('DELETE FROM {host_callback} WHERE seen_at < ?', [$this->clock->now() - self::KEPT]);
    }
}
