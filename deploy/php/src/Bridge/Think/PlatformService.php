<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Bridge\DatabaseSettings;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Token\Provider;
use Pushd\Platform\Token\Source;
use think\Route;
use think\Service;

/** Makes the package's classes known to ThinkPHP 6 and 8: settings, commands, the route. */
final class PlatformService extends Service
{
    public function register(): void
    {
        $this->app->bind(Config::class, function (): Config {
            return $this->settings();
        });
        $this->app->bind(Source::class, function (): Source {
            $own = (string) $this->app->config->get('pushd.tokens', '');
            if ($own !== '') {
                return $this->app->make($own);
            }
            $config = $this->app->make(Config::class);
            return Provider::ofDatabase($config, Connection::open($config));
        });
        $this->app->bind(PushdClient::class, function (): PushdClient {
            return new PushdClient($this->app->make(Config::class));
        });
    }

    public function boot(): void
    {
        $this->commands(['pushd:cron' => CronCommand::class, 'pushd:migrate' => MigrateCommand::class, 'pushd:doctor' => DoctorCommand::class]);
        $path = (string) $this->app->config->get('pushd.token_route', 'wechat/token');
        if ($path !== '') {
            $this->registerRoutes(function (Route $route) use ($path): void {
                $route->any($path, TokenController::class . '@index');
            });
        }
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
