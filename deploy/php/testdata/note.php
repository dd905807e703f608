<?php
// Writes a note (argument 1 its number, argument 2 its text) as lib.php lets all
// of PHP write, and prints what it then reads of it.
declare(strict_types=1);
require __DIR__ . '/../lib.php';

$db = pushd_db(pushd_config());
pushd_query($db, 'INSERT INTO note (id, text) VALUES (:id, :text)', [':id' => (int) $argv[1], ':text' => $argv[2]]);
echo pushd_query($db, 'SELECT text FROM note WHERE text = ?', [$argv[2]])->fetchColumn();
