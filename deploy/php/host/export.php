<?php
/**
 * Who subscribed to a channel, when and how, as CSV: the proof of consent.
 *
 *     php export.php ACTID > subscribers.csv
 *
 * 导出某场直播的订阅记录。
 */
declare(strict_types=1);

foreach (['host', 'http', 'channel', 'follow', 'subscriber'] as $name) {
    require_once __DIR__ . "/app/$name.php";
}

function export_main(array $args): int
{
    if (count($args) !== 1 || !preg_match('/^[1-9]\d{0,18}$/D', $args[0])) {
        fwrite(STDERR, "usage: php export.php ACTID > subscribers.csv\n");
        return 2;
    }
    $host = new Host();
    $channel = channel_row($host, (int) $args[0]);
    if ($channel === null) {
        fwrite(STDERR, "export: there is no channel {$args[0]}\n");
        return 2;
    }
    subscriber_csv($host, $channel, STDOUT);
    return 0;
}

try {
    exit(export_main(array_slice($argv, 1)));
} catch (Throwable $e) {
    fwrite(STDERR, 'export: ' . $e->getMessage() . "\n");
    exit($e instanceof PushdConfigError ? 2 : 1);
}
