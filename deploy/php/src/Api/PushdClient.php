<?php
declare(strict_types=1);

namespace Pushd\Platform\Api;

use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Http\Client;
use Pushd\Platform\Http\Response;

/** pushd's API, called with the platform's key. api/openapi.yaml has all there is. */
final class PushdClient
{
    private $url;
    private $key;
    private $http;

    public function __construct(Config $config)
    {
        $config->checkUrl('url');
        $this->url = $config->get('url');
        $this->key = self::key($config->get('api_key'));
        if ($this->key === '') {
            throw new ConfigError('api_key is not set');
        }
        $this->http = new Client($config->get('ca_file'));
    }

    /** pushd may hold several keys, with names; the first is used, without its name. */
    public static function key(string $keys): string
    {
        return preg_replace('/^[A-Za-z0-9_-]{1,32}:/', '', trim(explode(',', trim($keys, ', '))[0]));
    }

    public function url(string $path): string
    {
        return $this->url . $path;
    }

    /** The headers that open the API. */
    public function headers(): array
    {
        return ['Authorization: Bearer ' . $this->key];
    }

    /** Calls a path, such as GET /v1/jobs/7xk2. Never throws; a body of null is none. */
    public function call(string $method, string $path, ?array $body = null, float $timeout = 15): Response
    {
        return $this->http->call($method, $this->url($path), $this->headers(), $body, $timeout);
    }
}
