<?php
// Gives token.php the header Authorization under the name that it has after a
// rewrite of Apache's.
$_SERVER['REDIRECT_HTTP_AUTHORIZATION'] = $_SERVER['HTTP_AUTHORIZATION'] ?? '';
unset($_SERVER['HTTP_AUTHORIZATION']);
require __DIR__ . '/../token.php';
