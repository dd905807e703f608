<?php
// The token endpoint. It has no middleware: no session, no CSRF check, no throttle.
// It checks the key by itself.
declare(strict_types=1);

use Illuminate\Support\Facades\Route;
use Pushd\Platform\Bridge\Laravel\TokenController;

$path = (string) config('pushd.token_route');
if ($path !== '') {
    Route::any($path, TokenController::class)->name('pushd.token');
}
