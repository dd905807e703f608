<?php
return [
    'env'       => 'production',
    'debug'     => false,
    'key'       => 'base64:' . base64_encode(str_repeat('k', 32)),
    'cipher'    => 'AES-256-CBC',
    'timezone'  => 'UTC',
    'locale'    => 'en',
    'providers' => [
        Illuminate\Bus\BusServiceProvider::class,
        Illuminate\Cache\CacheServiceProvider::class,
        Illuminate\Database\DatabaseServiceProvider::class,
        Illuminate\Filesystem\FilesystemServiceProvider::class,
        Illuminate\Foundation\Providers\ConsoleSupportServiceProvider::class,
        Illuminate\Foundation\Providers\FoundationServiceProvider::class,
        Illuminate\Queue\QueueServiceProvider::class,
        Illuminate\Translation\TranslationServiceProvider::class,
        Illuminate\Validation\ValidationServiceProvider::class,
        Illuminate\View\ViewServiceProvider::class,
        Pushd\Platform\Bridge\Laravel\PlatformServiceProvider::class,
    ],
];
