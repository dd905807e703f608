<?php
declare(strict_types=1);

namespace Pushd\Platform\Console;

use Pushd\Platform\ConfigError;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Schema\Busy;
use Pushd\Platform\Schema\Files;
use Pushd\Platform\Schema\Migrator;
use Throwable;

/** Makes or updates the tables of the PHP side. */
final class Migrate
{
    const WAIT = 300;     // seconds for another that is at it
    const SECONDS = 3600; // that a statement may take

    private $db;
    private $migrations;
    private $say;

    /** $say is called with each line for people. */
    public function __construct(Connection $db, array $migrations, callable $say)
    {
        $this->db = $db;
        $this->migrations = $migrations;
        $this->say = $say;
    }

    /**
     * Runs it as a command, and returns its exit code: 0 done, or nothing to do; 1 try
     * again; 2 a person must act. $settings returns the settings, and may throw. $host: the
     * tables of callbacks and of the sample host, too, as wherever one of their secrets is set.
     */
    public static function command(callable $settings, bool $host, bool $print, $out, $errors): int
    {
        try {
            $config = $settings();
            $migrate = new self(Connection::open($config, self::SECONDS), $host ? Files::all() : Files::of($config), function (string $line) use ($out): void {
                fwrite($out, $line . "\n");
            });
            if ($print) {
                fwrite($out, $migrate->sql());
            } else {
                $migrate->run();
            }
            return 0;
        } catch (ConfigError $e) {
            fwrite($errors, 'settings: ' . $e->getMessage() . "\n");
            return 2;
        } catch (Busy $e) {
            fwrite($errors, $e->getMessage() . "\n");
            return 1;
        } catch (Throwable $e) { // uncaught, PHP would print arguments of calls
            fwrite($errors, $e->getMessage() . "\n");
            return 2;
        }
    }

    public function run(): void
    {
        $applied = $this->migrator()->run(self::WAIT);
        ($this->say)($applied === 0 ? 'the tables are up to date' : "$applied migrations applied, the tables are up to date");
        if (count($this->migrations) < count(Files::all())) {
            ($this->say)('the tables of callbacks and of the sample host are left out: neither callback_secret nor host_secret is set, and there was no --host');
        }
    }

    /** What run() would do, as SQL. */
    public function sql(): string
    {
        return $this->migrator()->sql();
    }

    private function migrator(): Migrator
    {
        return new Migrator($this->db, $this->migrations, $this->say);
    }
}
