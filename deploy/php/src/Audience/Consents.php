<?php
declare(strict_types=1);

namespace Pushd\Platform\Audience;

use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;

/**
 * Fresh consents of which pushd does not know yet: the table host_consent. pushd
 * does not ask those again who have refused a template (43101), until it learns that
 * they follow again, scan or subscribe. The consent is written down in the transaction
 * of what it came with, and stays until pushd has answered: so no viewer waits for
 * pushd, and nothing is lost while it is away.
 */
final class Consents
{
    private const BATCH = 200;  // read at once
    private const SECONDS = 3;  // to wait for pushd's answer
    private const PAUSE = 10;   // seconds before a pushd that did not answer is asked again

    private $config;
    private $db;
    private $pushd;
    private $notBefore = 0.0;

    public function __construct(Config $config, Connection $db)
    {
        $this->config = $config;
        $this->db = $db;
    }

    /** A follower wants messages of an account. $nowUs: the database's time in microseconds. */
    public function note(string $appid, string $openid, int $nowUs): void
    {
        if (!$this->db->insert('INSERT INTO {host_consent} (appid, openid, noted_us) VALUES (?, ?, ?)', [$appid, $openid, $nowUs])) {
            $this->db->query('UPDATE {host_consent} SET noted_us = ? WHERE appid = ? AND openid = ?', [$nowUs, $appid, $openid]);
        }
    }

    /** A follower has left the account or wants none of its messages: what was not said to pushd yet is said no more. */
    public function withdraw(string $appid, string $openid): void
    {
        $this->db->query('DELETE FROM {host_consent} WHERE appid = ? AND openid = ?', [$appid, $openid]);
    }

    /**
     * Lets pushd know, for so many seconds at most; returns how many it has taken. It
     * may hear of one twice, which changes nothing.
     */
    public function handOn(float $seconds): int
    {
        $until = microtime(true) + $seconds;
        $taken = 0;
        do {
            $rows = microtime(true) < $this->notBefore ? [] : $this->db->query('SELECT appid, openid, noted_us FROM {host_consent}
                ORDER BY appid, openid LIMIT ' . self::BATCH)->fetchAll();
            foreach ($rows as $row) {
                if (!$this->isTaken($row)) {
                    $this->notBefore = microtime(true) + self::PAUSE;
                    return $taken;
                }
                // One that came meanwhile has another time, and stays.
                $this->db->query('DELETE FROM {host_consent} WHERE appid = ? AND openid = ? AND noted_us = ?',
                    [$row['appid'], $row['openid'], $row['noted_us']]);
                $taken++;
                if (microtime(true) >= $until) {
                    return $taken;
                }
            }
        } while (count($rows) === self::BATCH);
        return $taken;
    }

    /** Has pushd answered? What it will never take (400, 422) is done, too. */
    private function isTaken(array $row): bool
    {
        $this->pushd = $this->pushd ?? new PushdClient($this->config);
        $path = '/v1/accounts/' . rawurlencode($row['appid']) . '/refusals/' . rawurlencode($row['openid']);
        $answer = $this->pushd->call('DELETE', $path, null, self::SECONDS);
        if ($answer->status === 200 || $answer->status === 400 || $answer->status === 422) {
            return true;
        }
        error_log("consents: pushd answered HTTP {$answer->status}" . ($answer->error !== '' ? ": {$answer->error}" : ''));
        return false;
    }
}
