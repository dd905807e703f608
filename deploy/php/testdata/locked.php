<?php
// Takes the lock file of argument 1 as the user daemon, and prints why it can't.
declare(strict_types=1);
require __DIR__ . '/../autoload.php';

use Pushd\Platform\ConfigError;
use Pushd\Platform\FileLock;

class_exists(FileLock::class) && class_exists(ConfigError::class); // while they can be read
posix_setuid(1);
try {
    FileLock::take($argv[1], 0);
} catch (ConfigError $e) {
    echo $e->getMessage();
}
