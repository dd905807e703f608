<?php
/**
 * The host: settings, database, and the key that signs. Everything else gets
 * it as an argument.
 */
declare(strict_types=1);

require_once __DIR__ . '/../../lib.php';
require_once __DIR__ . '/../../wxtoken.php';

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
    private $db;

    public function __construct()
    {
        $this->config = pushd_config();
        if (strlen($this->config['host_secret']) < 32) {
            throw new PushdConfigError('host_secret must have at least 32 characters');
        }
        $this->config['base_url'] = rtrim($this->config['base_url'], '/');
        $this->config['qr_url'] = rtrim($this->config['qr_url'], '/');
    }

    /** The database, opened when first needed. */
    public function db(): PDO
    {
        if ($this->db === null) {
            $this->db = pushd_db($this->config);
        }
        return $this->db;
    }

    public function query(string $sql, array $args = []): PDOStatement
    {
        return pushd_query($this->db(), $sql, $args);
    }

    /** One row, or null. */
    public function row(string $sql, array $args = []): ?array
    {
        return $this->query($sql, $args)->fetch() ?: null;
    }

    /** Runs $work in a transaction: all of it is saved, or nothing. */
    public function transaction(callable $work)
    {
        $this->db()->beginTransaction();
        try {
            $result = $work();
            $this->db()->commit();
            return $result;
        } catch (Throwable $e) {
            $this->db()->rollBack();
            throw $e;
        }
    }

    /** What makes a SELECT keep others from the row until the transaction ends. */
    public function forUpdate(): string
    {
        return $this->db()->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql' ? ' FOR UPDATE' : '';
    }

    /** Writes a row; false if its key would be there twice. */
    public function unlessTwice(string $sql, array $args): bool
    {
        try {
            $this->query($sql, $args);
            return true;
        } catch (PDOException $e) {
            if (in_array((int) ($e->errorInfo[1] ?? 0), [1062, 19], true)) { // MySQL, SQLite
                return false;
            }
            throw $e;
        }
    }

    /** A keyed hash, 64 hex digits. The purpose keeps one use from another. */
    public function sign(string $purpose, string $text): string
    {
        return hash_hmac('sha256', $purpose . "\n" . $text, $this->config['host_secret']);
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
