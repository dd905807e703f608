<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Console\Command;
use Pushd\Platform\Config;
use Pushd\Platform\Console\Cron;
use Pushd\Platform\Cron\Runner;

/** php artisan pushd:cron */
final class CronCommand extends Command
{
    protected $signature = 'pushd:cron {--scheduled : what heals by itself is no failure: exit code 0 in place of 1}';
    protected $description = 'Posts the live reminders that are due to pushd (提交到点的开播提醒)';

    public function handle(): int
    {
        $settings = function (): Config {
            return $this->laravel->make(Config::class);
        };
        $code = (new Cron($settings, fopen('php://output', 'w'), fopen('php://stderr', 'w')))->run();
        return $code === Runner::LATER && $this->option('scheduled') ? Runner::DONE : $code;
    }
}
