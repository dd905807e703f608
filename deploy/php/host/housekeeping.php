<?php
/**
 * What cron does for the host:
 *
 *     * * * * *   php /srv/pushd-php/host/housekeeping.php receipts
 *     17 4 * * *  php /srv/pushd-php/host/housekeeping.php tidy
 *
 * receipts: hands receipts and fresh consents on to pushd as they come, for most of
 * a minute. tidy: deletes what is kept no
 * longer, above all who followed and subscribed (see 'keep_days', 'left_days').
 * 定时任务：转交回执与新的同意；清理过期的关注与订阅记录。
 */
declare(strict_types=1);

foreach (['host', 'http', 'follow', 'subscriber', 'receipt', 'tidy'] as $name) {
    require_once __DIR__ . "/app/$name.php";
}

function housekeeping_main(array $args): int
{
    if (!in_array($args, [['receipts'], ['receipts', 'once'], ['tidy']], true)) {
        fwrite(STDERR, "usage: php housekeeping.php receipts [once] | tidy\n");
        return 2;
    }
    $host = new Host();
    if ($args === ['tidy']) {
        foreach (tidy_all($host) as $table => $rows) {
            echo "$table: deleted $rows\n";
        }
        return 0;
    }
    $consents = consents($host);
    $until = microtime(true) + 55;
    do {
        $taken = $consents->handOn($until - microtime(true));
        if ($taken > 0) {
            echo "consents: handed on $taken\n";
        }
        $taken = receipt_hand_on($host, $until - microtime(true));
        if ($taken > 0) {
            echo "receipts: handed on $taken\n";
        }
        if (count($args) === 2) {
            return 0;
        }
        sleep(1); // idle, it costs two short queries a second
    } while (microtime(true) < $until);
    return 0;
}

try {
    exit(housekeeping_main(array_slice($argv, 1)));
} catch (PushdConfigError $e) {
    fwrite(STDERR, 'settings: ' . $e->getMessage() . "\n");
    exit(2);
} catch (Throwable $e) {
    fwrite(STDERR, 'housekeeping: ' . $e->getMessage() . "\n");
    exit(1);
}
