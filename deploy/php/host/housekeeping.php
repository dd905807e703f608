<?php
/**
 * What cron does for the host:
 *
 *     * * * * *   php /srv/pushd-php/host/housekeeping.php receipts
 *     17 4 * * *  php /srv/pushd-php/host/housekeeping.php tidy
 *
 * receipts: hands receipts and fresh consents on to pushd as they come, for most of
 * a minute. tidy: deletes what is kept no longer, above all who followed and
 * subscribed (see 'keep_days', 'left_days').
 * 定时任务：转交回执与新的同意；清理过期的关注与订阅记录。
 */
declare(strict_types=1);

use Pushd\Platform\Config;
use Pushd\Platform\Console\Housekeeping;

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');
require __DIR__ . '/../autoload.php';

exit(Housekeeping::command([Config::class, 'load'], array_slice($argv, 1), STDOUT, STDERR));
