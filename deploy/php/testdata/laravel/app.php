<?php
// Makes the application. PUSHD_PACKAGE is where the package lies; without it the
// classes are Composer's.
declare(strict_types=1);

require '/usr/share/php/Illuminate/autoload.php'; // Debian's php-laravel-framework
require getenv('PUSHD_PACKAGE') . '/autoload.php';

$app = new Illuminate\Foundation\Application(__DIR__);
$app->singleton(Illuminate\Contracts\Http\Kernel::class, Illuminate\Foundation\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, Illuminate\Foundation\Console\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
require getenv('PUSHD_PACKAGE') . '/testdata/account.php';
foreach (['RECIPE', 'RECIPE_LISTENER'] as $own) { // the platform's own tokens; what it does with events
    if (getenv($own)) {
        require getenv($own);
    }
}

return $app;
