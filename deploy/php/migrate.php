<?php
/**
 * Makes or updates the tables of the PHP side:
 *
 *   php migrate.php           applies what is missing
 *   php migrate.php --host    the tables of callbacks and of the sample host, too;
 *                             so it is wherever one of their secrets is set
 *   php migrate.php --print   prints the SQL in place of applying it
 *
 * It may run on several machines at once. Where the account of the settings may
 * not change tables, give it another: PUSHD_DB_USER=… PUSHD_DB_PASSWORD_FILE=…
 *
 * Exit codes: 0 done, or nothing to do; 1 try again; 2 a person must act.
 */
declare(strict_types=1);

use Pushd\Platform\Config;
use Pushd\Platform\Console\Migrate;

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
    $host = in_array('--host', $options, true);
    return Migrate::command([Config::class, 'load'], $host, in_array('--print', $options, true), STDOUT, STDERR);
}

exit(migrate_main(array_slice($argv, 1)));
