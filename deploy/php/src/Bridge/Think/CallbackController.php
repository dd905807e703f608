<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Callback\Endpoint;
use think\App;
use think\Request;
use think\Response;

/** WeChat's callback as a route. */
final class CallbackController
{
    private $app;

    public function __construct(App $app)
    {
        $this->app = $app;
    }

    public function index(Request $request): Response
    {
        $reply = Endpoint::guarded(function (): Endpoint {
            return $this->app->make(Endpoint::class);
        }, $request->method(true), $request->get(), $request->getInput());
        return Response::create($reply->body, 'html', $reply->status)->header($reply->headers);
    }
}
