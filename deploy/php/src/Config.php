<?php
declare(strict_types=1);

namespace Pushd\Platform;

/** All settings, checked. What there is, and its defaults: config.sample.php. */
final class Config
{
    private $values;
    private $tables;

    private function __construct(array $values)
    {
        $this->values = $values;
    }

    /**
     * The settings of an installation without a framework: config.sample.php, over
     * it config.php (or the file named by PUSHD_PHP_CONFIG), over it the
     * environment.
     */
    public static function load(): self
    {
        $named = (string) getenv('PUSHD_PHP_CONFIG');
        $file = $named !== '' ? $named : dirname(__DIR__) . '/config.php';
        $own = [];
        if (is_file($file)) {
            $own = self::read($file);
        } elseif ($named !== '') {
            throw new ConfigError("PUSHD_PHP_CONFIG: no such file: $file", 'PUSHD_PHP_CONFIG: no such file');
        }
        if (!is_array($own)) {
            throw new ConfigError("$file must return an array");
        }
        return self::make($own, $file, 'getenv');
    }

    /** The settings of a framework: what differs from the defaults. It does not look into the environment. */
    public static function of(array $own): self
    {
        return self::make($own, 'the configuration', function () {
            return false;
        });
    }

    /** Settings that were checked before: what all() returned. */
    public static function checked(array $values): self
    {
        return new self($values);
    }

    public function get(string $key)
    {
        return $this->values[$key];
    }

    public function all(): array
    {
        return $this->values;
    }

    /** The names of tables and columns. */
    public function tables(): Tables
    {
        if ($this->tables === null) {
            $this->tables = new Tables($this->values['tables']);
        }
        return $this->tables;
    }

    /** Stops where a key or a token would travel in the clear to another machine. */
    public function checkUrl(string $key): void
    {
        $parts = parse_url($this->values[$key]);
        $scheme = strtolower((string) ($parts['scheme'] ?? ''));
        $host = trim((string) ($parts['host'] ?? ''), '[]');
        if (!in_array($scheme, ['http', 'https'], true) || $host === '') {
            throw new ConfigError("$key: want an http or https address");
        }
        $loopback = $host === 'localhost' || $host === '::1' || preg_match('/^127(\.\d+){3}$/', $host);
        if ($scheme === 'http' && !$loopback && !$this->values['allow_plaintext']) {
            throw new ConfigError("$key: use https, or set allow_plaintext inside a network that you trust");
        }
    }

    private static function make(array $own, string $from, callable $env): self
    {
        $defaults = require dirname(__DIR__) . '/config.sample.php';
        foreach (array_keys($own) as $key) {
            $key = (string) $key;
            if (!array_key_exists(preg_replace('/_file$/', '', $key), $defaults) && !array_key_exists($key, $defaults)) {
                throw new ConfigError("$from: unknown setting '$key'");
            }
        }
        $values = [];
        foreach ($defaults as $key => $default) {
            $value = is_array($default) ? $own[$key] ?? $default : self::value($key, $own, $default, $env);
            if (is_array($default) !== is_array($value) || !is_array($value) && !is_scalar($value)) {
                throw new ConfigError("$key: want " . (is_array($default) ? 'an array' : 'one value'));
            }
            $values[$key] = is_string($default) ? (string) $value : $value;
        }
        return new self(self::check($values));
    }

    private static function check(array $values): array
    {
        foreach (['api_key', 'token_key', 'host_secret'] as $key) {
            // In a header a line break would be the end of it, and the rest a body.
            if (preg_match('/[\x00-\x1f\x7f]/', $values[$key])) {
                throw new ConfigError("$key: holds a line break or another control character; write several keys in one line, with commas between");
            }
        }
        foreach (['url', 'wechat_url'] as $key) {
            $values[$key] = rtrim($values[$key], '/');
        }
        foreach (['grace', 'lock_wait', 'run_time', 'lead'] as $key) {
            $values[$key] = self::seconds($key, $values[$key]);
        }
        $bounds = ['batch' => [1, 1000000], 'parallel' => [1, 200], 'token_parallel' => [1, 1000], 'prefetch' => [0, 100000]];
        foreach ($bounds as $key => list($least, $most)) {
            $values[$key] = self::number($key, $values[$key], $least, $most);
        }
        $values['allow_plaintext'] = filter_var($values['allow_plaintext'], FILTER_VALIDATE_BOOLEAN);
        new Tables($values['tables']);
        return $values;
    }

    /**
     * Reads config.php. What it prints (a byte order mark, blank lines behind the
     * closing tag) is thrown away: it would stand before every answer, and no header
     * could be sent any more.
     */
    private static function read(string $file)
    {
        ob_start();
        try {
            return require $file;
        } finally {
            ob_end_clean();
        }
    }

    /** One setting: environment, file named in the environment, configuration, default. */
    private static function value(string $key, array $own, $default, callable $env)
    {
        $name = 'PUSHD_' . strtoupper($key);
        $value = $env($name);
        if ($value !== false && $value !== '') {
            return $value;
        }
        $from = $name . '_FILE of the environment';
        $file = $env($name . '_FILE');
        if ($file === false || $file === '') {
            if (array_key_exists($key, $own)) {
                return $own[$key];
            }
            if (!isset($own[$key . '_file'])) {
                return $default;
            }
            list($from, $file) = [$key . '_file', (string) $own[$key . '_file']];
        }
        $text = @file_get_contents($file);
        if ($text === false) {
            $user = function_exists('posix_geteuid') ? posix_getpwuid(posix_geteuid()) : false;
            throw new ConfigError("$key: cannot read the file $file, which $from names; PHP runs as " . ($user['name'] ?? 'user ' . getmyuid()), "$key: cannot read the file that $from names");
        }
        return trim($text);
    }

    /** Reads 1800, "1800s", "30m" or "1h30m" as seconds. */
    private static function seconds(string $key, $value): int
    {
        if (is_int($value) || (is_string($value) && ctype_digit($value))) {
            return (int) $value;
        }
        if (!is_string($value) || !preg_match('/^(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/', $value, $m)) {
            throw new ConfigError("$key: want seconds, or a duration such as 30m");
        }
        $m += [1 => '', 2 => '', 3 => ''];
        return 3600 * (int) $m[1] + 60 * (int) $m[2] + (int) $m[3];
    }

    /** Reads a whole number within bounds. */
    public static function number(string $key, $value, int $least, int $most): int
    {
        $number = filter_var($value, FILTER_VALIDATE_INT, ['options' => ['min_range' => $least, 'max_range' => $most]]);
        if ($number === false) {
            throw new ConfigError("$key: want a whole number from $least to $most");
        }
        return $number;
    }
}
