<?php
/** pushd 的 PHP 端在 ThinkPHP 中的配置：复制到 config/pushd.php。 */
declare(strict_types=1);

return [
    // config/database.php 里的哪一个连接；空：默认连接
    'connection' => '',

    // pushd 取 access_token 的地址（它的 PUSHD_TOKEN_URL）；空：不注册路由
    'token_route' => 'wechat/token',

    // 平台自己保管 access_token 时，填实现 Pushd\Platform\Token\Source 的类名；空：由本包保管
    'tokens' => '',

    // 微信服务器配置的回调路径，例如 wechat/callback；空：不注册路由（平台已有自己的回调时）
    'callback_route' => '',

    // 关注、扫码、取消关注、退订时调用的类，实现 Pushd\Platform\Callback\Listener；空：没有
    'listener' => '',

    // 其他设置见包里的 config.sample.php，只写与默认值不同的项
    'settings' => [
        'url'       => env('PUSHD_URL', 'http://127.0.0.1:8080'),
        'api_key'   => (string) env('PUSHD_API_KEY', ''),
        'token_key' => (string) env('PUSHD_TOKEN_KEY', ''),
        'callback_secret' => (string) env('PUSHD_CALLBACK_SECRET', ''), // openssl rand -hex 32
        'tables'    => [], // 表名、列名与示例不同时：['activity' => 'live_room', 'activity.start_time' => 'begin_at']
    ],
];
