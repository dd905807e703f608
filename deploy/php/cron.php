<?php
/**
 * The TaskManager: finds the channels whose reminder is due and posts each to
 * pushd. Run it every minute:
 *
 *   * * * * *  php /path/to/deploy/php/cron.php >> /var/log/pushd-cron.log 2>&1
 *
 * It writes no live_notify_status: pushd alone does. A second run at the same
 * time does nothing, and a reminder posted twice is still one reminder.
 * 不要在 PHP 里改 live_notify_status，由 pushd 负责。
 *
 * Exit codes: 0 done; 1 tried again by itself next minute; 2 a person must act.
 */
declare(strict_types=1);

use Pushd\Platform\Config;
use Pushd\Platform\Console\Cron;

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');
require __DIR__ . '/autoload.php';

exit((new Cron([Config::class, 'load'], STDOUT, STDERR))->run());
