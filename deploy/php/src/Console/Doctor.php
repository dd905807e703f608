<?php
declare(strict_types=1);

namespace Pushd\Platform\Console;

use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Cron\DueChannels;
use Pushd\Platform\Cron\Runner;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\DatabaseClock;
use Pushd\Platform\Schema\History;
use Pushd\Platform\Schema\Files;
use Throwable;

/** Looks whether all is as it must be, and says what to do where it is not. It changes nothing. */
final class Doctor
{
    private $settings;
    private $out;
    private $bad = 0;

    /** $settings returns the settings. */
    public function __construct(callable $settings, $out)
    {
        $this->settings = $settings;
        $this->out = $out;
    }

    /** 0 all is well; 2 a person must act. */
    public function run(): int
    {
        $this->check('PHP', function (): string {
            return $this->php();
        });
        $config = $this->check('settings', function (): Config {
            return $this->settings();
        });
        if ($config !== null) {
            $db = $this->check('database', function () use ($config): Connection {
                return Connection::open($config);
            });
            if ($db !== null) {
                $this->database($config, $db);
            }
            $this->check('pushd', function () use ($config): string {
                return $this->pushd(new PushdClient($config));
            });
        }
        return $this->bad === 0 ? Runner::DONE : Runner::PERSON;
    }

    /** Runs one check, and says what came of it. Null: it failed. */
    private function check(string $name, callable $look)
    {
        try {
            $result = $look();
            fwrite($this->out, "ok    $name" . (is_string($result) && $result !== '' ? ": $result" : '') . "\n");
            return $result;
        } catch (Throwable $e) {
            $this->bad++;
            fwrite($this->out, "FAIL  $name: " . $e->getMessage() . "\n");
            return null;
        }
    }

    private function php(): string
    {
        if (PHP_INT_SIZE < 8) {
            throw new ConfigError('numbers have 32 bits here, too few for ids and microseconds; use a PHP of 64 bits');
        }
        $missing = array_filter(['ctype', 'curl', 'filter', 'hash', 'json', 'pcre', 'pdo'], function (string $name): bool {
            return !extension_loaded($name);
        });
        if ($missing !== []) {
            throw new ConfigError('install the extensions ' . implode(', ', $missing));
        }
        return PHP_VERSION;
    }

    private function settings(): Config
    {
        $config = ($this->settings)();
        $config->checkUrl('url');
        $config->checkUrl('wechat_url');
        foreach (['api_key', 'token_key'] as $key) {
            if (trim($config->get($key), ', ') === '') {
                throw new ConfigError("$key is not set");
            }
        }
        if ($config->get('callback_secret') !== '' && strlen($config->get('callback_secret')) < 32) {
            throw new ConfigError('callback_secret must have at least 32 characters');
        }
        return $config;
    }

    private function database(Config $config, Connection $db): void
    {
        $this->check('tables', function () use ($config, $db): string {
            $missing = (new History($db))->missing(Files::of($config));
            if ($missing !== []) {
                throw new ConfigError(count($missing) . ' migrations are missing, from ' . $missing[0]->name() . ': run php migrate.php');
            }
            return 'up to date';
        });
        $clock = new DatabaseClock($db);
        $this->check('clock', function () use ($clock): string {
            if (abs($clock->ahead()) >= Runner::SKEW) {
                throw new ConfigError('this machine is ' . abs($clock->ahead()) . ' s ' . ($clock->ahead() > 0 ? 'behind' : 'ahead of') . ' the database; set it right (NTP)');
            }
            return 'as the database\'s';
        });
        $this->check('due_query', function () use ($config, $db, $clock): string {
            $due = (new DueChannels($db, $config, $clock))->read($clock->now(), $config->get('batch'));
            $first = $due === [] ? '' : ', the first ' . $due[0]->id . ' of ' . $due[0]->appid . ', which starts at ' . date('Y-m-d H:i T', $due[0]->start);
            return count($due) . ' channels are due now' . $first;
        });
        if ($config->get('host_secret') !== '') {
            $this->host($db);
        }
        foreach (['wx_access_token', 'pushd_php_attempt', 'pushd_php_lock'] as $table) {
            $this->check("rights on $table", function () use ($db, $table): string {
                // What changes nothing tells whether it were allowed.
                $db->query('UPDATE {' . $table . '} SET ' . ($table === 'pushd_php_attempt' ? 'tries = 0' : "busy_by = ''") . ' WHERE 1 = 0');
                $db->query('DELETE FROM {' . $table . '} WHERE 1 = 0');
                return '';
            });
        }
    }

    /** The sample host: the platform's tables, and its own. What changes nothing tells whether it were allowed. */
    private function host(Connection $db): void
    {
        foreach ($db->tables()->probes() as $table => $probe) {
            $this->check("columns of $table", function () use ($db, $probe): string {
                $db->query($probe);
                return '';
            });
        }
        foreach (['activity' => 'title', 'activity_detail' => 'live_notify', 'user_wx_config' => 'status'] as $table => $column) {
            $this->check("rights on $table", function () use ($db, $table, $column): string {
                $db->query("UPDATE {{$table}} SET {{$table}.$column} = 0 WHERE 1 = 0");
                return '';
            });
        }
        foreach (Files::host() as $migration) {
            preg_match_all('/CREATE TABLE IF NOT EXISTS (\w+)/', implode("\n", $migration->statements($db->driver())), $made);
            foreach ($made[1] as $table) {
                $this->check("rights on $table", function () use ($db, $table): string {
                    $db->query($db->tables()->plain("INSERT INTO $table SELECT * FROM $table WHERE 1 = 0"));
                    return '';
                });
            }
        }
    }

    private function pushd(PushdClient $pushd): string
    {
        $answer = $pushd->call('GET', '/v1/jobs?limit=1', null, 5);
        if ($answer->status === 401) {
            throw new ConfigError('it does not know this key: api_key here must be one of PUSHD_API_KEY there');
        }
        if ($answer->status !== 200 || !isset($answer->json['items'])) {
            throw new ConfigError('no answer of pushd, is url right? ' . ($answer->error !== '' ? $answer->error : 'HTTP ' . $answer->status));
        }
        return 'answers, and knows the key';
    }
}
