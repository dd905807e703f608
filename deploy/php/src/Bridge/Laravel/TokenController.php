<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Contracts\Container\Container;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Pushd\Platform\Config;
use Pushd\Platform\Token\Endpoint;
use Pushd\Platform\Token\Source;

/** The token endpoint (PUSHD_TOKEN_URL) as a route. */
final class TokenController
{
    private $container;

    public function __construct(Container $container)
    {
        $this->container = $container;
    }

    public function __invoke(Request $request): Response
    {
        $answer = Endpoint::guarded(function (): Endpoint {
            return new Endpoint($this->container->make(Config::class)->get('token_key'), function (): Source {
                return $this->container->make(Source::class);
            });
        }, $request->server->all(), $request->query->all());
        return new Response($answer->json(), $answer->status, $answer->headers + ['Content-Type' => 'application/json; charset=utf-8']);
    }
}
