<?php
/**
 * The token endpoint that pushd asks (PUSHD_TOKEN_URL):
 *
 *   GET token.php?appid=wx…[&actid=42][&rejected=16 hex digits]
 *   Authorization: Bearer <PUSHD_TOKEN_KEY>   or   X-Pushd-Key: <the same>
 *
 *   200 {"access_token":"…","expires_in":7200}
 *   400 401 404 405 409 429 500 502 503 {"code":1,"msg":"…"}; code is WeChat's
 *   errcode where it gave one
 */
declare(strict_types=1);

ini_set('display_errors', '0'); // nothing but JSON leaves this file
require __DIR__ . '/lib.php';
require __DIR__ . '/wxtoken.php';

$answer = wx_token_endpoint($_SERVER, $_GET);
http_response_code($answer['status']);
header('Content-Type: application/json; charset=utf-8');
foreach ($answer['headers'] as $name => $value) {
    header("$name: $value");
}
echo json_encode($answer['body'], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR), "\n";
