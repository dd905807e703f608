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

use Pushd\Platform\Token\Endpoint;

ini_set('display_errors', '0'); // nothing but JSON leaves this file
require __DIR__ . '/autoload.php';

Endpoint::fromSettings($_SERVER, $_GET)->send();
