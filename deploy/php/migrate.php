<?php
/**
 * Makes or updates the tables of the PHP side:
 *
 *   php migrate.php           applies what is missing
 *   php migrate.php --host    the tables of the sample host, too; so it is
 *                             wherever host_secret is set
 *   php migrate.php --print   prints the SQL in place of applying it
 *
 * It may run on several machines at once. Where the account of the settings may
 * not change tables, give it another: PUSHD_DB_USER=… PUSHD_DB_PASSWORD_FILE=…
 *
 * Exit codes: 0 done, or nothing to do; 1 try again; 2 a person must act.
 */
declare(strict_types=1);

use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Console\Migrate;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Schema\Busy;

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');
require __DIR__ . '/autoload.php';

function migrate_main(array $options): int
{
    $unknown = array_diff($options, ['--host', '--print']);
    if ($unknown !== []) {
        fwrite(STDERR, 'unknown option ' . reset($unknown) . "; there are --host and --print\n");
        return 2;
    }
    try {
        $config = Config::load();
        $host = in_array('--host', $options, true) || $config->get('host_secret') !== '';
        $migrate = new Migrate(Connection::open($config, 3600), $host, function (string $line): void {
            echo $line, "\n";
        });
        if (in_array('--print', $options, true)) {
            echo $migrate->sql();
        } else {
            $migrate->run();
        }
        return 0;
    } catch (ConfigError $e) {
        fwrite(STDERR, 'settings: ' . $e->getMessage() . "\n");
        return 2;
    } catch (Busy $e) {
        fwrite(STDERR, $e->getMessage() . "\n");
        return 1;
    } catch (Throwable $e) { // uncaught, PHP would print arguments of calls
        fwrite(STDERR, $e->getMessage() . "\n");
        return 2;
    }
}

exit(migrate_main(array_slice($argv, 1)));
