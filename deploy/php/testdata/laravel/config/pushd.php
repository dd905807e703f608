<?php
// What the published file has, with the addresses of a test.
declare(strict_types=1);

return array_replace_recursive(require getenv('PUSHD_PACKAGE') . '/laravel/config/pushd.php', [
    'token_route' => 'wechat/token.php',
    'tokens'   => getenv('RECIPE') ? 'App\Wechat\Tokens' : null,
    'callback_route' => 'wechat/callback',
    'listener' => getenv('RECIPE_LISTENER') ? 'App\Wechat\Events' : null,
    'settings' => ['wechat_url' => getenv('LARAVEL_WECHAT'), 'lock_wait' => 20],
]);
