<?php
/** For tests: the callback token of an account, and of a version. */
declare(strict_types=1);

foreach (['host', 'contact'] as $name) {
    require_once __DIR__ . "/../app/$name.php";
}
echo callback_token(new Host(), $argv[1], (int) ($argv[2] ?? 0));
