<?php
declare(strict_types=1);

namespace Pushd\Platform\Console;

use PDOException;
use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Cron\Log;
use Pushd\Platform\Cron\Runner;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\FileLock;
use Throwable;

/** cron.php as a command: one run at a time on a machine, and an exit code. */
final class Cron
{
    private $config;
    private $lines;
    private $notes;

    /** $config returns the settings. The streams take one line a channel, and what concerns the run. */
    public function __construct(callable $config, $lines, $notes)
    {
        $this->config = $config;
        $this->lines = $lines;
        $this->notes = $notes;
    }

    /** 0 done; 1 tried again by itself next minute; 2 a person must act. */
    public function run(): int
    {
        try {
            return $this->alone(($this->config)());
        } catch (ConfigError $e) {
            fwrite($this->notes, 'settings: ' . $e->getMessage() . "\n");
            return Runner::PERSON;
        } catch (PDOException $e) {
            fwrite($this->notes, 'database: ' . $e->getMessage() . "\n");
            return Runner::LATER;
        } catch (Throwable $e) { // uncaught, PHP would print arguments of calls
            fwrite($this->notes, 'failed: ' . $e->getMessage() . ' at ' . basename($e->getFile()) . ':' . $e->getLine() . "\n");
            return Runner::PERSON;
        }
    }

    private function alone(Config $config): int
    {
        $config->checkUrl('url');
        if (trim($config->get('api_key'), ', ') === '') {
            throw new ConfigError('api_key is not set');
        }
        $path = $config->get('lock_file') !== '' ? $config->get('lock_file')
            : sys_get_temp_dir() . '/pushd-cron-' . md5(dirname(__DIR__, 2)) . '.lock';
        $lock = FileLock::take($path, 0);
        if ($lock === null) {
            return $this->taken(FileLock::age($path), $config->get('run_time') + 15);
        }
        try {
            return Runner::ofDatabase($config, Connection::open($config), new Log($this->lines, $this->notes))->run();
        } finally {
            $lock->release();
        }
    }

    /** Another run holds the lock: fine, unless it does so for longer than a run takes. */
    private function taken(int $age, int $most): int
    {
        fwrite($this->notes, 'another run is at work' . ($age > 0 ? ", since $age s" : '') . "\n");
        return $age > $most + 235 ? Runner::PERSON : ($age > $most ? Runner::LATER : Runner::DONE);
    }
}
