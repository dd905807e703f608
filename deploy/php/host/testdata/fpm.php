<?php
/**
 * For tests: a router that gives php -S what php-fpm has. A client that has read
 * as much as the length says is done.
 */
declare(strict_types=1);

ob_start();

function fastcgi_finish_request(): bool
{
    header('Content-Length: ' . ob_get_length());
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    flush();
    return true;
}

require __DIR__ . '/../index.php';
