<?php
declare(strict_types=1);

namespace Pushd\Platform\Console;

use Pushd\Platform\Audience\Consents;
use Pushd\Platform\Callback\Receipts;
use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\DatabaseClock;
use Pushd\Platform\Retention;
use Throwable;

/**
 * What cron does for callbacks and subscribers.
 *
 *   receipts       hands receipts and fresh consents on to pushd as they come, for
 *                  most of a minute
 *   receipts once  hands on what waits
 *   tidy           deletes what is kept no longer
 */
final class Housekeeping
{
    const TASKS = [['receipts'], ['receipts', 'once'], ['tidy']];

    private const SECONDS = 55;

    /** Runs it as a command: 0 done; 1 tried again by itself; 2 a person must act. $settings returns the settings, and may throw. */
    public static function command(callable $settings, array $args, $out, $errors): int
    {
        if (!in_array($args, self::TASKS, true)) {
            fwrite($errors, "usage: receipts [once] | tidy\n");
            return 2;
        }
        try {
            $config = $settings();
            $args === ['tidy'] ? self::tidy($config, $out) : self::receipts($config, count($args) === 2, $out);
            return 0;
        } catch (ConfigError $e) {
            fwrite($errors, 'settings: ' . $e->getMessage() . "\n");
            return 2;
        } catch (Throwable $e) { // uncaught, PHP would print arguments of calls
            fwrite($errors, 'housekeeping: ' . $e->getMessage() . "\n");
            return 1;
        }
    }

    private static function tidy(Config $config, $out): void
    {
        $db = Connection::open($config);
        foreach ((new Retention($config, $db, new DatabaseClock($db)))->apply() as $table => $rows) {
            fwrite($out, "$table: deleted $rows\n");
        }
    }

    private static function receipts(Config $config, bool $once, $out): void
    {
        $db = Connection::open($config);
        $receipts = new Receipts($config, $db, new DatabaseClock($db));
        $consents = new Consents($config, $db);
        $until = microtime(true) + self::SECONDS;
        do {
            $taken = $consents->handOn($until - microtime(true));
            if ($taken > 0) {
                fwrite($out, "consents: handed on $taken\n");
            }
            $taken = $receipts->handOn($until - microtime(true));
            if ($taken > 0) {
                fwrite($out, "receipts: handed on $taken\n");
            }
            if ($once) {
                return;
            }
            sleep(1); // idle, it costs two short queries a second
        } while (microtime(true) < $until);
    }
}
