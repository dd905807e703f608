<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Laravel;

use Illuminate\Contracts\Container\Container;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Pushd\Platform\Callback\Endpoint;

/** WeChat's callback as a route. */
final class CallbackController
{
    private $container;

    public function __construct(Container $container)
    {
        $this->container = $container;
    }

    public function __invoke(Request $request): Response
    {
        $reply = Endpoint::guarded(function (): Endpoint {
            return $this->container->make(Endpoint::class);
        }, $request->getMethod(), $request->query->all(), (string) $request->getContent());
        return new Response($reply->body, $reply->status, $reply->headers);
    }
}
