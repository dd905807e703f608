<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Console\Scheduling\Schedule;
use Illuminate\Support\ServiceProvider;
use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Bridge\DatabaseSettings;
use Pushd\Platform\Callback\Endpoint;
use Pushd\Platform\Callback\Listener;
use Pushd\Platform\Callback\Quiet;
use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\DatabaseClock;
use Pushd\Platform\Token\Provider;
use Pushd\Platform\Token\Source;

/** Makes the package's classes known to Laravel: settings, commands, the scheduler's entries, the routes. */
final class PlatformServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->mergeConfigFrom($this->file('config/pushd.php'), 'pushd');
        $this->app->singleton(Config::class, function ($app): Config {
            return $this->settings($app['config']);
        });
        $this->app->bind(Connection::class, function ($app): Connection {
            return Connection::open($app->make(Config::class));
        });
        $this->app->bind(Clock::class, DatabaseClock::class);
        $this->app->bind(Source::class, function ($app): Source {
            $own = (string) $app['config']->get('pushd.tokens');
            return $own !== '' ? $app->make($own)
                : Provider::ofDatabase($app->make(Config::class), $app->make(Connection::class));
        });
        $this->app->bind(PushdClient::class, function ($app): PushdClient {
            return new PushdClient($app->make(Config::class));
        });
        $this->app->bind(Listener::class, function ($app): Listener {
            return $app->make((string) $app['config']->get('pushd.listener') ?: Quiet::class);
        });
        $this->app->bind(Endpoint::class, function ($app): Endpoint {
            return new Endpoint($app->make(Config::class), function () use ($app): Connection {
                return $app->make(Connection::class);
            }, function () use ($app): Listener {
                return $app->make(Listener::class);
            });
        });
    }

    public function boot(): void
    {
        $this->publishes([$this->file('config/pushd.php') => $this->app->configPath('pushd.php')], 'pushd-config');
        $this->publishes([$this->file('migrations/make_pushd_tables.php') => $this->app->databasePath('migrations/2026_01_01_000000_make_pushd_tables.php')], 'pushd-migrations');
        $this->loadRoutesFrom($this->file('routes/pushd.php'));
        if (!$this->app->runningInConsole()) {
            return;
        }
        $this->commands([CronCommand::class, HousekeepingCommand::class, MigrateCommand::class, DoctorCommand::class]);
        $this->callAfterResolving(Schedule::class, function (Schedule $schedule): void {
            if ($this->app['config']->get('pushd.schedule')) {
                $this->schedule($schedule, (string) $this->app['config']->get('pushd.log'));
            }
        });
    }

    /**
     * In the background: other tasks need not wait for the 50 seconds of these. A second
     * run does nothing by itself, so nothing keeps them from overlapping.
     */
    private function schedule(Schedule $schedule, string $log): void
    {
        $schedule->command(CronCommand::class, ['--scheduled'])->everyMinute()->runInBackground()->appendOutputTo($log);
        if ((string) $this->app['config']->get('pushd.callback_route') !== '') {
            $schedule->command(HousekeepingCommand::class, ['receipts'])->everyMinute()->runInBackground()->appendOutputTo($log);
            $schedule->command(HousekeepingCommand::class, ['tidy'])->dailyAt('04:17')->runInBackground()->appendOutputTo($log);
        }
    }

    /** The database is Laravel's own, unless the settings name one. */
    private function settings($config): Config
    {
        $own = (array) $config->get('pushd.settings');
        if (!isset($own['db_dsn'])) {
            $name = (string) ($config->get('pushd.connection') ?: $config->get('database.default'));
            $database = DatabaseSettings::ofLaravel((array) $config->get("database.connections.$name"));
            $database['tables'] = ($own['tables'] ?? []) + $database['tables'];
            $own = $database + $own;
        }
        return Config::of($own);
    }

    private function file(string $name): string
    {
        return dirname(__DIR__, 3) . '/laravel/' . $name;
    }
}
