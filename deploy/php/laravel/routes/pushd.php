<?php
// The token endpoint and WeChat's callback. They have no middleware: no session, no
// CSRF check, no throttle. The one checks the key by itself, the other the signature.
declare(strict_types=1);

use Illuminate\Support\Facades\Route;
use Pushd\Platform\Bridge\Laravel\CallbackController;
use Pushd\Platform\Bridge\Laravel\TokenController;

foreach (['token' => TokenController::class, 'callback' => CallbackController::class] as $name => $controller) {
    $path = (string) config("pushd.{$name}_route");
    if ($path !== '') {
        Route::any($path, $controller)->name("pushd.$name");
    }
}
