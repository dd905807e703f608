<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;

/**
 * Receipts: one TEMPLATESENDJOBFINISH for each message, at sending speed. They are
 * written down (host_receipt) and answered; what waits is handed on to pushd by one
 * process of a machine at a time, however many come and whatever pushd does.
 */
final class Receipts
{
    /** Seconds to wait for pushd's answer. */
    const SECONDS = 3;
    /** Seconds that one is kept; later it is of no use. */
    const KEPT = 86400;

    private const BATCH = 500;  // read at once
    private const GROUP = 100;  // posted before the next look at the time
    private const FLYING = 8;   // of them at once
    private const PAUSE = 10;   // seconds before a pushd that did not answer is asked again
    private const BYTES = 2000; // of the longest that is one

    private $config;
    private $db;
    private $clock;

    public function __construct(Config $config, Connection $db, Clock $clock)
    {
        $this->config = $config;
        $this->db = $db;
        $this->clock = $clock;
    }

    /** Is PHP to hand them on? Not where the web server does (nginx: mirror). */
    public static function wanted(Config $config): bool
    {
        return filter_var($config->get('receipts'), FILTER_VALIDATE_BOOLEAN);
    }

    /** Writes one down. One that WeChat repeats, or that is no receipt's length, is left out. */
    public function take(string $appid, string $signature, string $xml): void
    {
        if (strlen($xml) > self::BYTES) {
            return;
        }
        $this->db->transaction(function () use ($appid, $signature, $xml): void {
            // Its signature is used up: it is good for no event.
            if ((new Replay($this->db, $this->clock))->isNew($appid, $signature)) {
                $this->db->query('INSERT INTO {host_receipt} (appid, signature, noted_at, xml) VALUES (?, ?, ?, ?)',
                    [$appid, $signature, $this->clock->now(), $xml]);
            }
        });
    }

    /**
     * Hands on what waits, for so many seconds at most; returns how many pushd took.
     * Where another process of this machine does it already, or pushd did not answer
     * a moment ago, it returns at once.
     */
    public function handOn(float $seconds): int
    {
        $path = sys_get_temp_dir() . '/pushd-receipts-' . md5(__DIR__) . '.lock';
        $file = is_link($path) ? false : fopen($path, 'c+');
        if ($file === false || !flock($file, LOCK_EX | LOCK_NB)) {
            return 0;
        }
        try {
            $not = (int) stream_get_contents($file);
            if ($not > time() && $not <= time() + self::PAUSE) {
                return 0;
            }
            list($taken, $silent) = $this->handOnAll(microtime(true) + $seconds);
            ftruncate($file, 0);
            rewind($file);
            fwrite($file, $silent ? (string) (time() + self::PAUSE) : '');
            return $taken;
        } finally {
            flock($file, LOCK_UN);
            fclose($file);
        }
    }

    /** Returns how many pushd took, and whether it stopped answering. */
    private function handOnAll(float $until): array
    {
        $pushd = new PushdClient($this->config);
        $multi = curl_multi_init(); // one for all: it keeps connections open
        curl_multi_setopt($multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, self::FLYING);
        $taken = 0;
        do {
            $rows = $this->db->query('SELECT appid, signature, xml FROM {host_receipt} ORDER BY appid, signature LIMIT ' . self::BATCH)->fetchAll();
            foreach (array_chunk($rows, self::GROUP) as $chunk) {
                $done = $this->post($pushd, $multi, $chunk, $until);
                $this->remove($done);
                $taken += count($done);
                if (count($done) < count($chunk)) {
                    return [$taken, true];
                }
                if (microtime(true) >= $until) {
                    return [$taken, false];
                }
            }
        } while (count($rows) === self::BATCH);
        return [$taken, false];
    }

    /** Deletes what pushd has taken: one statement an account. */
    private function remove(array $rows): void
    {
        $signatures = [];
        foreach ($rows as $row) {
            $signatures[$row['appid']][] = $row['signature'];
        }
        foreach ($signatures as $appid => $of) {
            $this->db->query('DELETE FROM {host_receipt} WHERE appid = ? AND signature IN (?' . str_repeat(', ?', count($of) - 1) . ')',
                array_merge([(string) $appid], $of));
        }
    }

    private function request(PushdClient $pushd, array $row, float $wait)
    {
        $curl = curl_init($pushd->url('/v1/receipts?appid=' . rawurlencode($row['appid'])));
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS     => $row['xml'],
            CURLOPT_HTTPHEADER     => array_merge($pushd->headers(), ['Content-Type: text/xml', 'Expect:']),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_PROXY          => '', // not the environment's: the key is for pushd alone
            CURLOPT_TIMEOUT_MS     => (int) (1000 * $wait),
        ]);
        if ($this->config->get('ca_file') !== '') {
            curl_setopt($curl, CURLOPT_CAINFO, $this->config->get('ca_file'));
        }
        return $curl;
    }

    /** Posts some at once. Returns those that are settled: taken, or refused for what they hold. */
    private function post(PushdClient $pushd, $multi, array $rows, float $until): array
    {
        $flying = [];
        $wait = max(0.2, min(self::SECONDS, $until - microtime(true)));
        foreach ($rows as $row) {
            $curl = $this->request($pushd, $row, $wait);
            curl_multi_add_handle($multi, $curl);
            $flying[] = [$curl, $row];
        }
        do {
            curl_multi_exec($multi, $running);
            if ($running > 0 && curl_multi_select($multi, 0.2) === -1) {
                usleep(1000); // curl has nothing to wait for yet
            }
        } while ($running > 0);
        $settled = [];
        foreach ($flying as list($curl, $row)) {
            $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
            if (($status >= 200 && $status < 300) || in_array($status, [400, 413, 422], true)) {
                $settled[] = $row;
            } else {
                error_log("receipts: pushd answered HTTP $status" . (curl_error($curl) !== '' ? ': ' . curl_error($curl) : ''));
            }
            curl_multi_remove_handle($multi, $curl);
        }
        return $settled;
    }
}
