<?php
return [
    'default'     => 'live',
    'connections' => ['live' => json_decode(getenv('LARAVEL_DATABASE'), true)],
];
