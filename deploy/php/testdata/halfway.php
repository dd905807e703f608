<?php
// Applies the first statements of all migrations (argument 1: how many), records
// the migrations that were completed, and stops, as one who was killed. Prints
// how many statements there are.
declare(strict_types=1);
require __DIR__ . '/../lib.php';

use Pushd\Platform\Schema\Book;
use Pushd\Platform\Schema\Files;

$db = pushd_db(pushd_config());
$book = new Book($db);
$book->open();
$n = 0;
foreach (Files::all() as $migration) {
    foreach ($migration->statements($db->getAttribute(PDO::ATTR_DRIVER_NAME)) as $statement) {
        if ($n++ < (int) $argv[1]) {
            $db->exec($statement);
        }
    }
    if ($n < (int) $argv[1]) {
        $db->exec($book->record($migration));
    }
}
echo $n;
