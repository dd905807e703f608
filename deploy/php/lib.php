<?php
/**
 * Functions over the classes in src/, for the sample host and for platforms that
 * call them: settings, database, locks, HTTP.
 */
declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\RowLock;
use Pushd\Platform\Http\Client;
use Pushd\Platform\Tables;

class_alias(Pushd\Platform\ConfigError::class, 'PushdConfigError');

/** All settings, checked. See Config::load(). */
function pushd_config(): array
{
    return Config::load()->all();
}

/** Stops where a key or a token would travel in the clear to another machine. */
function pushd_check_url(array $config, string $key): void
{
    Config::checked($config)->checkUrl($key);
}

/** Reads a whole number within bounds. */
function pushd_number(string $key, $value, int $least, int $most): int
{
    return Config::number($key, $value, $least, $most);
}

/** Opens the database. */
function pushd_db(array $config): PDO
{
    return Connection::open(Config::checked($config))->pdo();
}

/** Runs one statement with its arguments. Throws TooOld where the tables lack what a newer file wants. */
function pushd_query(PDO $db, string $sql, array $args): PDOStatement
{
    return (new Connection($db, new Tables()))->query($sql, $args);
}

/**
 * Takes a lock that all web servers see. Returns the function that gives it back,
 * or null if the lock was not free in time. When the process dies it ends by itself.
 * Not to be called within a transaction: the others could not see it.
 */
function pushd_lock(PDO $db, string $name, int $wait): ?callable
{
    $lock = RowLock::take(new Connection($db, new Tables()), $name, $wait);
    return $lock === null ? null : [$lock, 'release'];
}

/**
 * Posts JSON with a curl handle; see Client. Returns the answer as an array:
 * status, json, retry_after, error. $curl is not used any more.
 */
function pushd_post($curl, string $url, array $headers, array $body, float $timeout): array
{
    $answer = (new Client())->post($url, $headers, $body, $timeout);
    return ['status' => $answer->status, 'json' => $answer->json, 'retry_after' => $answer->retryAfter, 'error' => $answer->error];
}
