<?php
/**
 * Receipts: one TEMPLATESENDJOBFINISH for each message, at sending speed. They
 * are written down and answered; what waits is handed on to pushd by one process
 * of a machine at a time, however many come and whatever pushd does.
 */
declare(strict_types=1);

const RECEIPT_BATCH = 500;   // read at once
const RECEIPT_GROUP = 100;   // posted before the next look at the time
const RECEIPT_FLYING = 8;    // of them at once
const RECEIPT_SECONDS = 3;   // to wait for pushd's answer
const RECEIPT_PAUSE = 10;    // seconds before a pushd that did not answer is asked again
const RECEIPT_KEPT = 86400;  // seconds; later a receipt is of no use

/** Is this body a receipt? */
function receipt_is(string $body): bool
{
    return Pushd\Platform\Callback\Event::isReceipt($body);
}

/** Is PHP to hand receipts on? Not where the web server does (nginx: mirror). */
function receipt_wanted(Host $host): bool
{
    return filter_var($host->config['receipts'], FILTER_VALIDATE_BOOLEAN);
}

/** Writes a receipt down. One that WeChat repeats, or that is no receipt's length, is left out. */
function receipt_take(Host $host, string $appid, string $signature, string $xml): void
{
    if (strlen($xml) > 2000) {
        return;
    }
    $host->transaction(function () use ($host, $appid, $signature, $xml) {
        $now = follow_seconds($host);
        // Its signature is used up: it is good for no event.
        if ($host->unlessTwice('INSERT INTO host_callback (appid, signature, seen_at) VALUES (?, ?, ?)', [$appid, $signature, $now])) {
            $host->query('INSERT INTO host_receipt (appid, signature, noted_at, xml) VALUES (?, ?, ?, ?)', [$appid, $signature, $now, $xml]);
        }
    });
}

/**
 * Hands on what waits, for so many seconds at most; returns how many pushd took.
 * Where another process of this machine does it already, or pushd did not answer
 * a moment ago, it returns at once.
 */
function receipt_hand_on(Host $host, float $seconds): int
{
    $file = fopen(sys_get_temp_dir() . '/pushd-receipts-' . md5(__DIR__) . '.lock', 'c+');
    if ($file === false || !flock($file, LOCK_EX | LOCK_NB)) {
        return 0;
    }
    try {
        $not = (int) stream_get_contents($file);
        if ($not > time() && $not <= time() + RECEIPT_PAUSE) {
            return 0;
        }
        list($taken, $silent) = receipt_hand_on_all($host, microtime(true) + $seconds);
        ftruncate($file, 0);
        rewind($file);
        fwrite($file, $silent ? (string) (time() + RECEIPT_PAUSE) : '');
        return $taken;
    } finally {
        flock($file, LOCK_UN);
        fclose($file);
    }
}

/** Returns how many pushd took, and whether it stopped answering. */
function receipt_hand_on_all(Host $host, float $until): array
{
    pushd_check_url($host->config, 'url');
    $multi = curl_multi_init(); // one for all: it keeps connections open
    curl_multi_setopt($multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, RECEIPT_FLYING);
    $taken = 0;
    do {
        $rows = $host->query('SELECT appid, signature, xml FROM host_receipt ORDER BY appid, signature LIMIT ' . RECEIPT_BATCH)->fetchAll();
        foreach (array_chunk($rows, RECEIPT_GROUP) as $chunk) {
            $done = receipt_post($host, $multi, $chunk, $until);
            receipt_forget($host, $done);
            $taken += count($done);
            if (count($done) < count($chunk)) {
                return [$taken, true];
            }
            if (microtime(true) >= $until) {
                return [$taken, false];
            }
        }
    } while (count($rows) === RECEIPT_BATCH);
    return [$taken, false];
}

/** Deletes what pushd has taken: one statement an account. */
function receipt_forget(Host $host, array $rows): void
{
    $signatures = [];
    foreach ($rows as $row) {
        $signatures[$row['appid']][] = $row['signature'];
    }
    foreach ($signatures as $appid => $of) {
        $host->query('DELETE FROM host_receipt WHERE appid = ? AND signature IN (?' . str_repeat(', ?', count($of) - 1) . ')',
            array_merge([(string) $appid], $of));
    }
}

function receipt_request(Host $host, array $row, float $wait)
{
    $key = preg_replace('/^[A-Za-z0-9_-]{1,32}:/', '', trim(explode(',', trim($host->config['api_key'], ', '))[0]));
    $curl = curl_init($host->config['url'] . '/v1/receipts?appid=' . rawurlencode($row['appid']));
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS     => $row['xml'],
        CURLOPT_HTTPHEADER     => ['Authorization: Bearer ' . $key, 'Content-Type: text/xml', 'Expect:'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_PROXY          => '', // not the environment's: the key is for pushd alone
        CURLOPT_TIMEOUT_MS     => (int) (1000 * $wait),
    ]);
    if ($host->config['ca_file'] !== '') {
        curl_setopt($curl, CURLOPT_CAINFO, $host->config['ca_file']);
    }
    return $curl;
}

/** Posts some receipts at once. Returns those that are settled: taken, or refused for what they hold. */
function receipt_post(Host $host, $multi, array $rows, float $until): array
{
    $flying = [];
    $wait = max(0.2, min(RECEIPT_SECONDS, $until - microtime(true)));
    foreach ($rows as $row) {
        $curl = receipt_request($host, $row, $wait);
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
