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
/** The platform's own tokens, of the account wx1. */
final class Tokens implements Pushd\Platform\Token\Source
{
    public function token(string $appid, string $rejected = ''): Pushd\Platform\Token\Token
    {
        if ($appid !== 'wx1') {
            throw new Pushd\Platform\Token\Unavailable('unknown appid', 404);
        }
        $token = 'marked-token-of-the-platform';
        return new Pushd\Platform\Token\Token(Pushd\Platform\Token\Token::is($token, $rejected) ? 'marked-token-renewed' : $token, 7000);
    }
}

return $app;
