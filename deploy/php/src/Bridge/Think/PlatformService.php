<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

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
use think\Route;
use think\Service;

/** Makes the package's classes known to ThinkPHP 6 and 8: settings, commands, the routes. */
final class PlatformService extends Service
{
    public function register(): void
    {
        $this->app->bind(Config::class, function (): Config {
            return $this->settings();
        });
        $this->app->bind(Connection::class, function (): Connection {
            return Connection::open($this->app->make(Config::class));
        });
        $this->app->bind(Clock::class, DatabaseClock::class);
        $this->app->bind(Source::class, function (): Source {
            $own = (string) $this->app->config->get('pushd.tokens', '');
            if ($own !== '') {
                return $this->app->make($own);
            }
            return Provider::ofDatabase($this->app->make(Config::class), $this->app->make(Connection::class));
        });
        $this->app->bind(PushdClient::class, function (): PushdClient {
            return new PushdClient($this->app->make(Config::class));
        });
        $this->app->bind(Listener::class, function (): Listener {
            return $this->app->make((string) $this->app->config->get('pushd.listener', '') ?: Quiet::class);
        });
        $this->app->bind(Endpoint::class, function (): Endpoint {
            return new Endpoint($this->app->make(Config::class), function (): Connection {
                return $this->app->make(Connection::class);
            }, function (): Listener {
                return $this->app->make(Listener::class);
            });
        });
    }

    public function boot(): void
    {
        $this->commands([
            'pushd:cron' => CronCommand::class, 'pushd:housekeeping' => HousekeepingCommand::class,
            'pushd:migrate' => MigrateCommand::class, 'pushd:doctor' => DoctorCommand::class,
        ]);
        $routes = array_filter([
            TokenController::class    => (string) $this->app->config->get('pushd.token_route', 'wechat/token'),
            CallbackController::class => (string) $this->app->config->get('pushd.callback_route', ''),
        ], 'strlen');
        $this->registerRoutes(function (Route $route) use ($routes): void {
            foreach ($routes as $controller => $path) {
                $route->any($path, $controller . '@index');
            }
        });
    }

    /** The database is ThinkPHP's own, unless the settings name one. */
    private function settings(): Config
    {
        $own = (array) $this->app->config->get('pushd.settings', []);
        if (!isset($own['db_dsn'])) {
            $name = (string) ($this->app->config->get('pushd.connection') ?: $this->app->config->get('database.default'));
            $database = DatabaseSettings::ofThink((array) $this->app->config->get("database.connections.$name", []));
            $database['tables'] = ($own['tables'] ?? []) + $database['tables'];
            $own = $database + $own;
        }
        return Config::of($own);
    }
}
