<?php
// Prints the setting whose name is argument 1, with the names of tables put in.
declare(strict_types=1);
require __DIR__ . '/../autoload.php';

use Pushd\Platform\Config;

$config = Config::load();
echo $config->tables()->sql((string) $config->get($argv[1]));
