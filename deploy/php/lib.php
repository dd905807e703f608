<?php
/**
 * What cron.php and token.php share: settings, database, locks, HTTP.
 * Syntax of PHP 7.2; extensions pdo_mysql, curl and json.
 */
declare(strict_types=1);

/** Something is set wrongly: a person must act. The text holds no secret. */
final class PushdConfigError extends Exception
{
}

/**
 * Reads the settings: config.sample.php, over it config.php (or the file named
 * by PUSHD_PHP_CONFIG), over it the environment.
 */
function pushd_config(): array
{
    $defaults = require __DIR__ . '/config.sample.php';
    $named = getenv('PUSHD_PHP_CONFIG');
    $file = $named !== false && $named !== '' ? $named : __DIR__ . '/config.php';
    $own = [];
    if (is_file($file)) {
        $own = require $file;
    } elseif ($named !== false && $named !== '') {
        throw new PushdConfigError("PUSHD_PHP_CONFIG: no such file: $file");
    }
    if (!is_array($own)) {
        throw new PushdConfigError("$file must return an array");
    }
    foreach (array_keys($own) as $key) {
        $key = (string) $key;
        if (!array_key_exists(preg_replace('/_file$/', '', $key), $defaults) && !array_key_exists($key, $defaults)) {
            throw new PushdConfigError("$file: unknown setting '$key'");
        }
    }
    $config = [];
    foreach ($defaults as $key => $default) {
        $value = pushd_setting($key, $own, $default);
        if (!is_scalar($value)) {
            throw new PushdConfigError("$key: want one value");
        }
        $config[$key] = is_string($default) ? (string) $value : $value;
    }
    $config['url'] = rtrim($config['url'], '/');
    $config['wechat_url'] = rtrim($config['wechat_url'], '/');
    $config['grace'] = pushd_seconds('grace', $config['grace']);
    $config['lock_wait'] = pushd_seconds('lock_wait', $config['lock_wait']);
    $config['batch'] = max(1, (int) $config['batch']);
    $config['allow_plaintext'] = filter_var($config['allow_plaintext'], FILTER_VALIDATE_BOOLEAN);
    return $config;
}

/** One setting: environment, file named in the environment, config.php, default. */
function pushd_setting(string $key, array $own, $default)
{
    $env = 'PUSHD_' . strtoupper($key);
    $value = getenv($env);
    if ($value !== false && $value !== '') {
        return $value;
    }
    $file = getenv($env . '_FILE');
    if ($file === false || $file === '') {
        if (array_key_exists($key, $own)) {
            return $own[$key];
        }
        if (!isset($own[$key . '_file'])) {
            return $default;
        }
        $file = (string) $own[$key . '_file'];
    }
    $text = @file_get_contents($file);
    if ($text === false) {
        throw new PushdConfigError("$key: cannot read the file $file");
    }
    return trim($text);
}

/** Reads 1800, "1800s", "30m" or "1h30m" as seconds. */
function pushd_seconds(string $key, $value): int
{
    if (is_int($value) || (is_string($value) && ctype_digit($value))) {
        return (int) $value;
    }
    if (!is_string($value) || !preg_match('/^(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/', $value, $m)) {
        throw new PushdConfigError("$key: want seconds, or a duration such as 30m");
    }
    $m += [1 => '', 2 => '', 3 => ''];
    return 3600 * (int) $m[1] + 60 * (int) $m[2] + (int) $m[3];
}

/** Stops where a key or a token would travel in the clear to another machine. */
function pushd_check_url(array $config, string $key): void
{
    $parts = parse_url($config[$key]);
    $scheme = strtolower((string) ($parts['scheme'] ?? ''));
    $host = trim((string) ($parts['host'] ?? ''), '[]');
    if (!in_array($scheme, ['http', 'https'], true) || $host === '') {
        throw new PushdConfigError("$key: want an http or https address");
    }
    $loopback = $host === 'localhost' || $host === '::1' || preg_match('/^127(\.\d+){3}$/', $host);
    if ($scheme === 'http' && !$loopback && !$config['allow_plaintext']) {
        throw new PushdConfigError("$key: use https, or set allow_plaintext inside a network that you trust");
    }
}

/**
 * Opens the database. A PDOException that nobody catches would print the
 * password in its trace, so another one takes its place.
 */
function pushd_db(array $config): PDO
{
    try {
        return new PDO($config['db_dsn'], $config['db_user'], $config['db_password'], [
            PDO::ATTR_ERRMODE            => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
            PDO::ATTR_TIMEOUT            => 5, // seconds: to connect (MySQL), to wait for a lock (SQLite)
        ]);
    } catch (PDOException $e) {
        $text = $e->getMessage();
    }
    throw new PDOException('cannot open the database: ' . $text);
}

/** Runs one statement with its arguments. */
function pushd_query(PDO $db, string $sql, array $args): PDOStatement
{
    $statement = $db->prepare($sql);
    foreach ($args as $name => $value) {
        $statement->bindValue(is_int($name) ? $name + 1 : $name, $value, is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
    }
    $statement->execute();
    return $statement;
}

/**
 * Takes a lock that all web servers see (MySQL), or all processes of this
 * machine (SQLite). Returns the function that gives it back, or null if the
 * lock was not free in time. When the process dies the lock is free.
 */
function pushd_lock(PDO $db, string $name, int $wait): ?callable
{
    if ($db->getAttribute(PDO::ATTR_DRIVER_NAME) !== 'mysql') {
        return pushd_file_lock(sys_get_temp_dir() . '/pushd-' . md5(__DIR__ . $name) . '.lock', $wait);
    }
    // Names of locks are one space for the whole server, and short.
    $key = "MD5(CONCAT(COALESCE(DATABASE(), ''), '/', ?))";
    $got = pushd_query($db, "SELECT GET_LOCK($key, ?)", [$name, $wait])->fetchColumn();
    if ((int) $got !== 1) {
        return null;
    }
    return function () use ($db, $key, $name) {
        pushd_query($db, "SELECT RELEASE_LOCK($key)", [$name])->fetchColumn();
    };
}

/** Takes flock on a file, waiting at most so many seconds. See pushd_lock. */
function pushd_file_lock(string $path, int $wait): ?callable
{
    $file = @fopen($path, 'c');
    if ($file === false) {
        throw new PushdConfigError("cannot open the lock file $path");
    }
    $until = microtime(true) + $wait;
    while (!flock($file, LOCK_EX | LOCK_NB)) {
        if (microtime(true) >= $until) {
            return null;
        }
        usleep(20000);
    }
    return function () use ($file) {
        flock($file, LOCK_UN);
    };
}

/**
 * Posts JSON with a curl handle that the caller keeps, so that the connection
 * stays open from one call to the next. Never throws; returns
 *   status       HTTP status, 0 if there was no answer
 *   json         the decoded object, null if it is not one
 *   retry_after  seconds, 0 if not told
 *   error        why there was no answer
 */
function pushd_post($curl, string $url, array $headers, array $body, int $timeout): array
{
    $after = '';
    $headers[] = 'Content-Type: application/json';
    $headers[] = 'Expect:'; // no "100 Continue" round trip
    curl_setopt_array($curl, [
        CURLOPT_URL            => $url,
        CURLOPT_POST           => true,
        CURLOPT_POSTFIELDS     => json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES),
        CURLOPT_HTTPHEADER     => $headers,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CONNECTTIMEOUT => 3,
        CURLOPT_TIMEOUT        => $timeout,
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$after) {
            if (stripos($line, 'Retry-After:') === 0) {
                $after = trim(substr($line, 12));
            }
            return strlen($line);
        },
    ]);
    $text = curl_exec($curl);
    if ($text === false) {
        return ['status' => 0, 'json' => null, 'retry_after' => 0, 'error' => curl_error($curl)];
    }
    $json = json_decode($text, true);
    return [
        'status'      => (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
        'json'        => is_array($json) ? $json : null,
        'retry_after' => ctype_digit($after) ? (int) $after : max(0, (int) strtotime($after) - time()),
        'error'       => '',
    ];
}
