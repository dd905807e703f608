<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Console\Command;
use Pushd\Platform\Config;
use Pushd\Platform\Console\Housekeeping;

/** php artisan pushd:housekeeping receipts|tidy */
final class HousekeepingCommand extends Command
{
    protected $signature = 'pushd:housekeeping {task* : receipts [once], or tidy}';
    protected $description = 'Hands receipts on to pushd, or deletes what is kept no longer (转交回执；清理过期记录)';

    public function handle(): int
    {
        return Housekeeping::command(function (): Config {
            return $this->laravel->make(Config::class);
        }, (array) $this->argument('task'), fopen('php://output', 'w'), fopen('php://stderr', 'w'));
    }
}
