<?php
/**
 * Looks whether settings, tables, rights, clock and pushd are as they must be:
 *
 *   php doctor.php
 *
 * It changes nothing. Exit codes: 0 all is well; 2 a person must act.
 */
declare(strict_types=1);

use Pushd\Platform\Config;
use Pushd\Platform\Console\Doctor;

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');
require __DIR__ . '/autoload.php';

exit((new Doctor([Config::class, 'load'], STDOUT))->run());
