<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Config;
use Pushd\Platform\Token\Endpoint;
use Pushd\Platform\Token\Source;
use think\App;
use think\Request;
use think\Response;

/** The token endpoint (PUSHD_TOKEN_URL) as a route. */
final class TokenController
{
    private $app;

    public function __construct(App $app)
    {
        $this->app = $app;
    }

    public function index(Request $request): Response
    {
        $answer = Endpoint::guarded(function (): Endpoint {
            return new Endpoint($this->app->make(Config::class)->get('token_key'), function (): Source {
                return $this->app->make(Source::class);
            });
        }, $request->server(), $request->get());
        return Response::create($answer->json(), 'html', $answer->status)
            ->header($answer->headers + ['Content-Type' => 'application/json; charset=utf-8']);
    }
}
