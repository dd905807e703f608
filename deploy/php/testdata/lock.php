<?php
// Takes the lock of argument 1, waiting as many seconds as argument 2 says, and says
// what came of it. With argument 3 it does so as often as that says, and each time
// adds one to the number in the file of argument 4.
declare(strict_types=1);
require __DIR__ . '/../lib.php';

$db = pushd_db(pushd_config());
for ($n = (int) ($argv[3] ?? 1); $n > 0; $n--) {
    $unlock = pushd_lock($db, $argv[1], (int) $argv[2]);
    if ($unlock !== null && isset($argv[4])) {
        $count = (int) file_get_contents($argv[4]);
        usleep(1000);
        file_put_contents($argv[4], (string) ($count + 1));
    }
    if ($unlock !== null) {
        $unlock();
    }
}
echo $unlock === null ? 'busy' : 'taken';
