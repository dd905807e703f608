<?php
// A ThinkPHP application with nothing in it but the package: on the command line
// "think …", under "php -S" its front door.
declare(strict_types=1);

require __DIR__ . '/framework.php';
require dirname(__DIR__, 2) . '/autoload.php';

/** As the framework's: a name of .env, or of the environment with PHP_ before it. */
function env(string $name, $default = null)
{
    $value = getenv("PHP_$name");
    return $value === false ? $default : $value;
}

require dirname(__DIR__) . '/account.php';
foreach (['RECIPE', 'RECIPE_LISTENER'] as $own) { // the platform's own tokens; what it does with events
    if (getenv($own)) {
        require getenv($own);
    }
}

$app = new think\App([
    'database' => ['default' => 'live', 'connections' => ['live' => json_decode(getenv('THINK_DATABASE'), true)]],
    'pushd'    => array_replace_recursive(require dirname(__DIR__, 2) . '/think/pushd.php', [
        'token_route' => 'wechat/token.php',
        'tokens'      => getenv('RECIPE') ? 'app\wechat\Tokens' : '',
        'callback_route' => 'wechat/callback',
        'listener'    => getenv('RECIPE_LISTENER') ? 'app\wechat\Events' : '',
        'settings'    => ['wechat_url' => getenv('THINK_WECHAT'), 'lock_wait' => 20],
    ]),
]);
$app->register(Pushd\Platform\Bridge\Think\PlatformService::class);

if (PHP_SAPI === 'cli') {
    $command = new $app->commands[$argv[1]]();
    $command->setApp($app);
    $given = array_slice($argv, 2);
    exit($command->run(new think\console\Input($given), new think\console\Output(), $given));
}
list($controller, $action) = $app->routes[parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)];
$app->make($controller)->$action($app->make(think\Request::class))->send();
