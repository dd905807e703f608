<?php
/**
 * The tables of pushd's PHP side among the migrations of the application, by the
 * same files as "php artisan pushd:migrate". After a later update of the package run
 * that command: Laravel runs this file once.
 */
declare(strict_types=1);

use Illuminate\Database\Migrations\Migration;
use Illuminate\Support\Facades\DB;
use Pushd\Platform\Config;
use Pushd\Platform\Console\Migrate;

return new class extends Migration {
    public function up(): void
    {
        $settings = function (): Config {
            return app(Config::class);
        };
        $print = DB::connection()->pretending(); // migrate --pretend
        if (Migrate::command($settings, false, $print, fopen('php://output', 'w'), fopen('php://stderr', 'w')) !== 0) {
            throw new RuntimeException('the tables of pushd\'s PHP side could not be made; see above');
        }
    }

    /** They stay: they hold live tokens, and who subscribed. */
    public function down(): void
    {
    }
};
