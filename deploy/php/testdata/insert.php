<?php
// Writes a note (argument 1 its number, argument 2 its text, '' for none at all)
// as all of PHP writes rows whose key may be there, and prints what came of it.
declare(strict_types=1);
require __DIR__ . '/../lib.php';

$db = Pushd\Platform\Db\Connection::open(Pushd\Platform\Config::load());
try {
    $new = $db->insert('INSERT INTO note (id, text) VALUES (?, ' . ($argv[2] === '' ? 'NULL' : '?') . ')',
        $argv[2] === '' ? [(int) $argv[1]] : [(int) $argv[1], $argv[2]]);
    echo $new ? 'written' : 'twice';
} catch (PDOException $e) {
    echo 'refused';
}
