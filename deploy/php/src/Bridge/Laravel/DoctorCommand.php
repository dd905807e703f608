<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Console\Command;
use Pushd\Platform\Config;
use Pushd\Platform\Console\Doctor;

/** php artisan pushd:doctor */
final class DoctorCommand extends Command
{
    protected $signature = 'pushd:doctor';
    protected $description = 'Looks whether settings, tables, clock and pushd are as they must be (检查设置、表、时钟和 pushd)';

    public function handle(): int
    {
        return (new Doctor(function (): Config {
            return $this->laravel->make(Config::class);
        }, fopen('php://output', 'w')))->run();
    }
}
