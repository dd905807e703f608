<?php
/**
 * pushd's PHP side in Laravel. "php artisan vendor:publish --tag=pushd-config"
 * copies this file to config/pushd.php.
 */
declare(strict_types=1);

return [
    // A connection of config/database.php; null: the default. 数据库连接。
    'connection' => env('PUSHD_DB_CONNECTION'),

    // Where pushd asks for tokens (its PUSHD_TOKEN_URL); '': no route. token 接口的路径。
    'token_route' => 'wechat/token',

    // A class that implements Pushd\Platform\Token\Source, where the platform keeps
    // its tokens itself, for example with EasyWeChat; null: the package keeps them.
    // 平台自己保管 access_token 时，填实现 Source 接口的类名。
    'tokens' => null,

    // Where WeChat sends events, such as 'wechat/callback'; '': no route. It wants
    // callback_secret below, and the tables that pushd:migrate then makes.
    // 微信服务器配置的回调路径；平台已有自己的回调时留空。
    'callback_route' => '',

    // A class that implements Pushd\Platform\Callback\Listener; null: none.
    // 关注、扫码、取消关注、退订时调用的类。
    'listener' => null,

    // Runs pushd:cron each minute, if the scheduler runs, and writes its log there.
    // 由 Laravel 的任务调度每分钟执行；用系统 crontab 时设为 false。
    'schedule' => true,
    'log' => storage_path('logs/pushd-cron.log'),

    // Whatever config.sample.php of the package has and is to differ from it.
    // 其他设置见包里的 config.sample.php，只写与默认值不同的项。
    'settings' => [
        'url'       => env('PUSHD_URL', 'http://127.0.0.1:8080'),
        'api_key'   => (string) env('PUSHD_API_KEY', ''),
        'token_key' => (string) env('PUSHD_TOKEN_KEY', ''),
        'callback_secret' => (string) env('PUSHD_CALLBACK_SECRET', ''), // openssl rand -hex 32
        'tables'    => [], // 表名、列名与示例不同时：['activity' => 'live_room', 'activity.start_time' => 'begin_at']
    ],
];
