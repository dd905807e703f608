<?php
/** Loads the classes of Pushd\Platform from src/, for those without Composer. */
declare(strict_types=1);

spl_autoload_register(function (string $class): void {
    $prefix = 'Pushd\\Platform\\';
    if (strncmp($class, $prefix, strlen($prefix)) !== 0) {
        return;
    }
    $file = __DIR__ . '/src/' . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
    if (is_file($file)) {
        require $file;
    }
});
