<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

use PDO;
use PDOException;
use Pushd\Platform\Clock;
use Pushd\Platform\Db\Connection;

/**
 * The table wx_access_token. The lock of an account is a mark in its row and
 * judged by the affected rows, for GET_LOCK is one node's alone in a cluster,
 * refused by some, and lost behind a proxy.
 */
final class DbStore implements Store
{
    /** How long an account's lock is held at most by one who has died. */
    const LOCK_SECONDS = 20;

    private $db;
    private $clock;

    public function __construct(Connection $db, Clock $clock)
    {
        $this->db = $db;
        $this->clock = $clock;
    }

    public function find(string $appid): Record
    {
        return $this->findAll([$appid])[$appid] ?? new Record($appid);
    }

    public function findAll(array $appids): array
    {
        $found = [];
        foreach (array_chunk(array_map('strval', $appids), 500) as $some) {
            $marks = implode(', ', array_fill(0, count($some), '?'));
            foreach ($this->db->query("SELECT * FROM {wx_access_token} WHERE appid IN ($marks)", $some)->fetchAll() as $row) {
                if (in_array($row['appid'], $some, true)) { // not another spelling's
                    $found[$row['appid']] = self::record($row);
                }
            }
        }
        return $found;
    }

    /** A row that is another spelling's is taken over only with a token. */
    public function save(Record $record): void
    {
        $row = [
            'access_token' => $record->token,
            'expires_at'   => $record->expiresAt,
            'fetched_at'   => $record->fetchedAt,
            'forced_at'    => $record->forcedAt,
            'force_day'    => $record->forceDay,
            'force_count'  => $record->forceCount,
            'secret_hash'  => $record->secretHash,
            'failed_at'    => $record->failedAt,
            'failed_code'  => $record->failedCode,
            'failed_text'  => $record->failedText,
        ];
        if ($record->lockedBy !== '') {
            $set = implode(' = ?, ', array_keys($row)) . ' = ?';
            $this->db->write("UPDATE {wx_access_token} SET $set WHERE appid = ? AND busy_by = ?",
                array_merge(array_values($row), [$record->appid, $record->lockedBy]));
        } elseif ($record->token !== '') {
            $row += ['appid' => $record->appid, 'busy_until' => 0, 'busy_by' => ''];
            $this->db->write('REPLACE INTO {wx_access_token} (' . implode(', ', array_keys($row)) . ')
                VALUES (?' . str_repeat(', ?', count($row) - 1) . ')', array_values($row));
        }
    }

    public function lock(string $appid, int $wait): ?callable
    {
        $me = bin2hex(random_bytes(8));
        $until = microtime(true) + $wait;
        while (!$this->tryLock($appid, $me)) {
            if (microtime(true) >= $until) {
                return null;
            }
            usleep(random_int(50000, 150000));
        }
        return function () use ($appid, $me) {
            try {
                $this->db->write("UPDATE {wx_access_token} SET busy_until = 0, busy_by = '' WHERE appid = ? AND busy_by = ?", [$appid, $me]);
            } catch (PDOException $e) { // it ends by itself; who has a token shall get it
                error_log('pushd token endpoint: ' . $e->getMessage());
            }
        };
    }

    private function tryLock(string $appid, string $me): bool
    {
        try {
            return $this->writeLock($appid, $me);
        } catch (PDOException $e) {
            if (Connection::lost($e)) {
                return false; // another was faster, on another node of a cluster
            }
            throw $e;
        }
    }

    private function writeLock(string $appid, string $me): bool
    {
        $spellings = $this->db->query('SELECT appid FROM {wx_access_token} WHERE appid = ?', [$appid])->fetchAll(PDO::FETCH_COLUMN);
        if ($spellings === []) {
            $this->db->insert('INSERT INTO {wx_access_token} (appid) VALUES (?)', [$appid]); // unless another was faster
        } elseif (!in_array($appid, $spellings, true)) {
            // A table that takes two spellings for one holds no row for both
            // (docs/host.md says how to repair it): it is the other's, and so is its lock.
            return true;
        }
        $now = $this->clock->now();
        // A mark beyond what any process takes was written by a clock that was ahead.
        return $this->db->query('UPDATE {wx_access_token} SET busy_until = ?, busy_by = ?
            WHERE appid = ? AND (busy_until <= ? OR busy_until > ?)',
            [$now + self::LOCK_SECONDS, $me, $appid, $now, $now + self::LOCK_SECONDS])->rowCount() === 1;
    }

    private static function record(array $row): Record
    {
        $record = new Record($row['appid']);
        $record->token = (string) $row['access_token'];
        $record->expiresAt = (int) $row['expires_at'];
        $record->fetchedAt = (int) ($row['fetched_at'] ?? 0);
        $record->forcedAt = (int) $row['forced_at'];
        $record->forceDay = (int) $row['force_day'];
        $record->forceCount = (int) $row['force_count'];
        $record->secretHash = (string) ($row['secret_hash'] ?? '');
        $record->failedAt = (int) ($row['failed_at'] ?? 0);
        $record->failedCode = (int) ($row['failed_code'] ?? 0);
        $record->failedText = (string) ($row['failed_text'] ?? '');
        $record->lockedBy = (string) ($row['busy_by'] ?? '');
        return $record;
    }
}
