<?php
// Describes the tables of the PHP side in the database of the settings, one fact
// a line: what a program could notice, whatever made them.
declare(strict_types=1);
require __DIR__ . '/../lib.php';

$db = pushd_db(pushd_config());
$mine = '/^(wx_access_token|pushd_php_|host_)/';
$lines = [];
if ($db->getAttribute(PDO::ATTR_DRIVER_NAME) === 'mysql') {
    foreach ([
        'SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
        'SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT, EXTRA
            FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()',
        'SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()',
    ] as $sql) {
        foreach ($db->query($sql) as $row) {
            $lines[] = json_encode(array_values($row));
        }
    }
} else {
    foreach ($db->query("SELECT name FROM sqlite_master WHERE type = 'table'")->fetchAll(PDO::FETCH_COLUMN) as $table) {
        foreach ($db->query("PRAGMA table_info($table)")->fetchAll() as $row) {
            $lines[] = json_encode(array_merge([$table], array_values($row)));
        }
        foreach ($db->query("PRAGMA index_list($table)")->fetchAll() as $index) {
            $columns = $db->query("PRAGMA index_info({$index['name']})")->fetchAll(PDO::FETCH_COLUMN, 2);
            $name = strncmp($index['name'], 'sqlite_', 7) === 0 ? '' : $index['name'];
            $lines[] = json_encode([$table, $name, $index['unique'], $columns]);
        }
    }
}
$lines = array_filter($lines, function (string $line) use ($mine): bool {
    return (bool) preg_match($mine, json_decode($line)[0]);
});
sort($lines);
echo implode("\n", $lines), "\n";
