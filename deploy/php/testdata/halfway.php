<?php
// Applies the first statements of all migrations (argument 1: how many), records
// the migrations that were completed, and stops, as one who was killed. Prints
// how many statements there are.
declare(strict_types=1);
require __DIR__ . '/../autoload.php';

use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Schema\History;
use Pushd\Platform\Schema\Files;

$db = Connection::open(Config::load());
$history = new History($db);
$history->open();
$n = 0;
foreach (Files::all() as $migration) {
    foreach ($migration->statements($db->driver()) as $statement) {
        if ($n++ < (int) $argv[1]) {
            $db->pdo()->exec($statement);
        }
    }
    if ($n < (int) $argv[1]) {
        $db->pdo()->exec($history->record($migration));
    }
}
echo $n;
