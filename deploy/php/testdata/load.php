<?php
// Runs files of SQL, named as arguments, in the database of the settings.
declare(strict_types=1);
require __DIR__ . '/../lib.php';

$db = pushd_db(pushd_config());
foreach (array_slice($argv, 1) as $file) {
    foreach (preg_split('/;\s*$/m', preg_replace('/--.*$/m', '', file_get_contents($file))) as $statement) {
        if (trim($statement) !== '') {
            $db->exec($statement);
        }
    }
}
