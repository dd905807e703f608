<?php
/**
 * What cron.php and token.php share: settings, database, locks, HTTP.
 * Syntax of PHP 7.2; extensions pdo_mysql, curl and json.
 */
declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

use Pushd\Platform\Schema\TooOld;

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
        $own = pushd_require($file);
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
    foreach (['api_key', 'token_key', 'host_secret'] as $key) {
        // In a header a line break would be the end of it, and the rest a body.
        if (preg_match('/[\x00-\x1f\x7f]/', $config[$key])) {
            throw new PushdConfigError("$key: holds a line break or another control character; write several keys in one line, with commas between");
        }
    }
    $config['url'] = rtrim($config['url'], '/');
    $config['wechat_url'] = rtrim($config['wechat_url'], '/');
    $config['grace'] = pushd_seconds('grace', $config['grace']);
    $config['lock_wait'] = pushd_seconds('lock_wait', $config['lock_wait']);
    $config['run_time'] = pushd_seconds('run_time', $config['run_time']);
    $config['lead'] = pushd_seconds('lead', $config['lead']);
    $config['batch'] = pushd_number('batch', $config['batch'], 1, 1000000);
    $config['parallel'] = pushd_number('parallel', $config['parallel'], 1, 200);
    $config['token_parallel'] = pushd_number('token_parallel', $config['token_parallel'], 1, 1000);
    $config['prefetch'] = pushd_number('prefetch', $config['prefetch'], 0, 100000);
    $config['allow_plaintext'] = filter_var($config['allow_plaintext'], FILTER_VALIDATE_BOOLEAN);
    return $config;
}

/**
 * Reads config.php. What it prints (a byte order mark, blank lines behind the
 * closing tag) is thrown away: it would stand before every answer, and no header
 * could be sent any more.
 */
function pushd_require(string $file)
{
    ob_start();
    try {
        return require $file;
    } finally {
        ob_end_clean();
    }
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

/** Reads a whole number within bounds. */
function pushd_number(string $key, $value, int $least, int $most): int
{
    $number = filter_var($value, FILTER_VALIDATE_INT, ['options' => ['min_range' => $least, 'max_range' => $most]]);
    if ($number === false) {
        throw new PushdConfigError("$key: want a whole number from $least to $most");
    }
    return $number;
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
 * password in its trace, so another one takes its place. $seconds: how long a
 * statement may take, where that is not the usual.
 */
function pushd_db(array $config, int $seconds = 0): PDO
{
    // mysqlnd waits a day for an answer by default, the greeting included. It
    // must be longer than the longest wait for a lock.
    ini_set('mysqlnd.net_read_timeout', (string) ($seconds > 0 ? $seconds : $config['lock_wait'] + PUSHD_DB_SECONDS));
    try {
        $db = new PDO($config['db_dsn'], $config['db_user'], $config['db_password'], [
            PDO::ATTR_ERRMODE            => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
            PDO::ATTR_TIMEOUT            => 5, // seconds: to connect (MySQL), to wait for a lock (SQLite)
        ]);
        if ($db->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql') {
            pushd_session($db);
        }
        return $db;
    } catch (PDOException $e) {
        $text = $e->getMessage();
    }
    throw new PDOException('cannot open the database: ' . $text);
}

/** How long a statement may take beside a wait for a lock. */
const PUSHD_DB_SECONDS = 5;

/**
 * Says what the session needs, whatever the server's settings and init_connect
 * have made of it. Where the server reads another character set than PDO quotes
 * for, a text can leave its parameter; without autocommit nothing is kept.
 */
function pushd_session(PDO $db): void
{
    $db->exec('SET NAMES utf8mb4');
    $db->exec("SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'");
    $db->exec('SET SESSION autocommit = 1');
    $db->exec("SET SESSION completion_type = 'NO_CHAIN'");
    $db->exec('SET SESSION sql_select_limit = DEFAULT');
    $db->exec('SET SESSION sql_safe_updates = 0');
    // The statement and its values travel apart: no quoting can go wrong.
    $db->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
}

/**
 * Gives each use of a named parameter a name of its own: a prepared statement
 * of the server takes a name once. Quoted texts are left alone.
 */
function pushd_names(string $sql, array $args): array
{
    $bound = [];
    $sql = preg_replace_callback(
        '/\'(?:[^\'\\\\]|\\\\.|\'\')*\'|"(?:[^"\\\\]|\\\\.|"")*"|`[^`]*`|(?<![:\w]):[a-z_]\w*/i',
        function (array $m) use ($args, &$bound) {
            if ($m[0][0] !== ':' || !array_key_exists($m[0], $args)) {
                return $m[0];
            }
            $name = $m[0] . '__' . count($bound);
            $bound[$name] = $args[$m[0]];
            return $name;
        },
        $sql
    );
    return [$sql, $bound];
}

/** Runs one statement with its arguments. Throws TooOld where the tables lack what a newer file wants. */
function pushd_query(PDO $db, string $sql, array $args): PDOStatement
{
    if ($args !== [] && is_string(key($args))) {
        list($sql, $args) = pushd_names($sql, $args);
    }
    try {
        $statement = $db->prepare($sql);
        foreach ($args as $name => $value) {
            $statement->bindValue(is_int($name) ? $name + 1 : $name, $value, is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
        }
        $statement->execute();
        return $statement;
    } catch (PDOException $e) {
        throw TooOld::behind($db, $e, $sql) ?? $e;
    }
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
    ftruncate($file, 0);
    fwrite($file, (string) time()); // since when, for the one who waits
    fflush($file);
    return function () use ($file) {
        flock($file, LOCK_UN);
    };
}

/** How many seconds a file lock has been held, as its holder wrote; 0 = unknown. */
function pushd_lock_age(string $path): int
{
    $since = (int) @file_get_contents($path);
    return $since > 0 ? max(0, time() - $since) : 0;
}

/** Most bytes of an answer that are read: pushd's and WeChat's have some hundred. */
const PUSHD_ANSWER_BYTES = 262144;

/**
 * Posts JSON with a curl handle that the caller keeps, so that the connection
 * stays open from one call to the next. Never throws; returns the answer as
 * pushd_answer() does. For several at once see posts.php.
 */
function pushd_post($curl, string $url, array $headers, array $body, float $timeout): array
{
    $heard = new stdClass();
    if (!pushd_prepare($curl, $url, $headers, $body, $timeout, $heard)) {
        return PUSHD_NOT_UTF8;
    }
    return pushd_answer($curl, $heard, curl_exec($curl) === false ? curl_errno($curl) : CURLE_OK);
}

/** The answer to a request that json_encode does not take. */
const PUSHD_NOT_UTF8 = ['status' => 0, 'json' => null, 'retry_after' => 0, 'error' => 'the request holds text that is not UTF-8'];

/**
 * Makes a curl handle ready to post JSON; what comes back is collected in
 * $heard. The environment's proxies are not used: a key or a token is for pushd
 * and WeChat alone. False if the body can't be JSON.
 */
function pushd_prepare($curl, string $url, array $headers, array $body, float $timeout, stdClass $heard): bool
{
    $payload = json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    if ($payload === false) {
        return false;
    }
    $heard->text = $heard->after = '';
    $headers[] = 'Content-Type: application/json';
    $headers[] = 'Expect:'; // no "100 Continue" round trip
    curl_setopt_array($curl, [
        CURLOPT_URL            => $url,
        CURLOPT_POST           => true,
        CURLOPT_POSTFIELDS     => $payload,
        CURLOPT_PROXY          => '',
        CURLOPT_WRITEFUNCTION  => function ($curl, $piece) use ($heard) {
            $heard->text .= $piece;
            return strlen($heard->text) > PUSHD_ANSWER_BYTES ? 0 : strlen($piece);
        },
        CURLOPT_HTTPHEADER     => $headers,
        CURLOPT_CONNECTTIMEOUT => 3,
        CURLOPT_TIMEOUT_MS     => (int) (1000 * $timeout),
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use ($heard) {
            if (stripos($line, 'Retry-After:') === 0) {
                $heard->after = trim(substr($line, 12));
            }
            return strlen($line);
        },
    ]);
    return true;
}

/**
 * What came of a request that curl ended with $result:
 *   status       HTTP status, 0 if there was no answer
 *   json         the decoded object, null if it is not one
 *   retry_after  seconds, 0 if not told
 *   error        why there was no answer
 */
function pushd_answer($curl, stdClass $heard, int $result): array
{
    if ($result !== CURLE_OK) {
        $error = curl_error($curl) !== '' ? curl_error($curl) : (string) curl_strerror($result);
        return ['status' => 0, 'json' => null, 'retry_after' => 0, 'error' => $error];
    }
    $json = json_decode($heard->text, true);
    return [
        'status'      => (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
        'json'        => is_array($json) ? $json : null,
        'retry_after' => ctype_digit($heard->after) ? (int) $heard->after : max(0, (int) strtotime($heard->after) - time()),
        'error'       => '',
    ];
}
