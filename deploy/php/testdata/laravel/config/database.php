<?php
return [
    'default'     => 'live',
    'migrations'  => 'migrations',
    'connections' => ['live' => json_decode(getenv('LARAVEL_DATABASE'), true)],
];
