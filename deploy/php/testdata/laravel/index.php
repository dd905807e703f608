<?php
// The front door of the application, for "php -S".
declare(strict_types=1);

$app = require __DIR__ . '/app.php';
$app->make(Illuminate\Contracts\Http\Kernel::class)->handle(Illuminate\Http\Request::capture())->send();
