<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Console\Command;
use Pushd\Platform\Config;
use Pushd\Platform\Console\Migrate;

/** php artisan pushd:migrate */
final class MigrateCommand extends Command
{
    protected $signature = 'pushd:migrate {--host : the tables of callbacks and of the sample host, too} {--print : print the SQL in place of applying it}';
    protected $description = 'Makes or updates the tables of pushd\'s PHP side (建表和升级表)';

    public function handle(): int
    {
        return Migrate::command(function (): Config {
            return $this->laravel->make(Config::class);
        }, (bool) $this->option('host'), (bool) $this->option('print'), fopen('php://output', 'w'), fopen('php://stderr', 'w'));
    }
}
