<?php
/**
 * The host: settings and database. Everything else gets
 * it as an argument.
 */
declare(strict_types=1);

require_once __DIR__ . '/../../lib.php';
require_once __DIR__ . '/../../wxtoken.php';

use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\RowLock;

/**
 * What the host will not do, in words for the person before the screen.
 * code is for programs; field names what is to blame, or is ''.
 */
final class Refusal extends Exception
{
    public $status;
    public $name;
    public $field;

    public function __construct(int $status, string $name, string $text, string $field = '')
    {
        parent::__construct($text);
        $this->status = $status;
        $this->name = $name;
        $this->field = $field;
    }
}

final class Host
{
    public $config;
    private $connection;

    public function __construct()
    {
        if (PHP_INT_SIZE < 8) {
            throw new PushdConfigError('the host needs a 64-bit PHP: ids and times are 64-bit numbers');
        }
        $this->config = pushd_config();
        if (strlen($this->config['host_secret']) < 32) {
            throw new PushdConfigError('host_secret must have at least 32 characters');
        }
        foreach (['upgrade_url', 'account_url'] as $key) {
            if (!preg_match('#^(|https?://[^\s/][^\s]*|/(?![/\\\\])[^\s]*)$#Di', $this->config[$key])) {
                throw new PushdConfigError("$key must be an address, such as https://example.com/upgrade, or a path, such as /upgrade");
            }
        }
        $this->config['base_url'] = rtrim($this->config['base_url'], '/');
        $this->config['qr_url'] = rtrim($this->config['qr_url'], '/');
    }

    /** The database, opened when first needed. */
    public function db(): PDO
    {
        return $this->connection()->pdo();
    }

    /** The same, for the classes of the package. */
    public function connection(): Connection
    {
        if ($this->connection === null) {
            $this->connection = Connection::open(Config::checked($this->config));
        }
        return $this->connection;
    }

    public function query(string $sql, array $args = []): PDOStatement
    {
        $connection = $this->connection();
        return $connection->query($connection->tables()->plain($sql), $args);
    }

    /** One row, or null. */
    public function row(string $sql, array $args = []): ?array
    {
        return $this->query($sql, $args)->fetch() ?: null;
    }

    /** Runs $work in a transaction; see Connection. */
    public function transaction(callable $work)
    {
        return $this->connection()->transaction($work);
    }

    /** What makes a SELECT keep others from the row until the transaction ends. */
    public function forUpdate(): string
    {
        return $this->db()->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql' ? ' FOR UPDATE' : '';
    }

    /** Writes a row; false if its key would be there twice. */
    public function unlessTwice(string $sql, array $args): bool
    {
        $connection = $this->connection();
        return $connection->insert($connection->tables()->plain($sql), $args);
    }

    /** Takes a lock that all web servers see; see RowLock. Returns the function that gives it back, or null. */
    public function lock(string $name, int $wait): ?callable
    {
        $lock = RowLock::take($this->connection(), $name, $wait);
        return $lock === null ? null : [$lock, 'release'];
    }

    public function zone(): DateTimeZone
    {
        return new DateTimeZone($this->config['timezone']);
    }

    /** Unix seconds as people of the platform's time zone write them. */
    public function clock(int $time, string $format = 'Y年m月d日 H:i'): string
    {
        return (new DateTimeImmutable('@' . $time))->setTimezone($this->zone())->format($format);
    }
}

/** A failure of the database in words: what it can't store is the text's fault, all else its own. */
function host_database_refusal(Host $host, PDOException $e): Refusal
{
    $number = (int) ($e->errorInfo[1] ?? 0);
    if ($number !== 1366 && $number !== 3988 && strncmp((string) $e->getCode(), '22', 2) !== 0) {
        return new Refusal(503, 'database', '系统繁忙，请稍后再试');
    }
    // "Incorrect string value: '\xF0\x9F…' for column `live`.`activity`.`title` at row 1"
    $field = preg_match('/for column .*?(\w+)[`\']? at row/', $e->getMessage(), $m) ? $m[1] : '';
    $field = $host->connection()->tables()->known($field);
    return new Refusal(422, 'invalid', '内容中有系统不能保存的字符（例如表情符号），请去掉后再保存', $field);
}
