<?php
/**
 * The token endpoint that pushd asks (PUSHD_TOKEN_URL):
 *
 *   GET token.php?appid=wx…[&actid=42][&rejected=16 hex digits]
 *   Authorization: Bearer <PUSHD_TOKEN_KEY>   or   X-Pushd-Key: <the same>
 *
 *   200 {"access_token":"…","expires_in":7200}
 *   400 401 404 405 500 502 503 {"code":1,"msg":"…"}
 */
declare(strict_types=1);

ini_set('display_errors', '0'); // nothing but JSON leaves this file
require __DIR__ . '/lib.php';
require __DIR__ . '/wxtoken.php';

function token_answer(int $status, array $body): void
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    echo json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR), "\n";
}

function token_error(int $status, string $text): void
{
    token_answer($status, ['code' => 1, 'msg' => $text]);
}

/** Does the request carry one of the keys? Apache tends to drop Authorization. */
function token_authorized(string $keys): bool
{
    $given = [(string) ($_SERVER['HTTP_X_PUSHD_KEY'] ?? '')];
    foreach (['HTTP_AUTHORIZATION', 'REDIRECT_HTTP_AUTHORIZATION'] as $name) {
        if (preg_match('/^Bearer +(\S+)$/i', (string) ($_SERVER[$name] ?? ''), $m)) {
            $given[] = $m[1];
        }
    }
    $ok = false;
    foreach (array_filter(array_map('trim', explode(',', $keys)), 'strlen') as $key) {
        foreach ($given as $try) {
            $ok = hash_equals($key, $try) || $ok;
        }
    }
    return $ok;
}

/** A parameter of the query, '' if absent, null if it does not fit the pattern. */
function token_parameter(string $name, string $pattern): ?string
{
    $value = $_GET[$name] ?? '';
    if ($value === '') {
        return '';
    }
    return is_string($value) && preg_match($pattern, $value) ? $value : null;
}

function token_main(): void
{
    $config = pushd_config();
    if (trim($config['token_key'], ', ') === '') {
        throw new PushdConfigError('token_key is not set');
    }
    if ($_SERVER['REQUEST_METHOD'] !== 'GET') {
        header('Allow: GET');
        token_error(405, 'use GET');
        return;
    }
    if (!token_authorized($config['token_key'])) {
        token_error(401, 'wrong or missing key: PUSHD_TOKEN_KEY must be the same here and in pushd');
        return;
    }
    $appid = token_parameter('appid', '/^[A-Za-z0-9_-]{1,64}$/D');
    $rejected = token_parameter('rejected', '/^[0-9a-f]{16}$/D');
    if ($appid === null || $appid === '') {
        token_error(400, 'appid is missing or malformed');
        return;
    }
    if ($rejected === null) {
        token_error(400, 'rejected must be 16 hex digits');
        return;
    }
    // actid is not needed here: on this platform an appid has one secret.
    token_answer(200, wx_token(pushd_db($config), $config, $appid, $rejected));
}

try {
    token_main();
} catch (WxTokenError $e) {
    if ($e->retryAfter > 0) {
        header('Retry-After: ' . $e->retryAfter);
    }
    token_error($e->getCode(), $e->getMessage());
} catch (PushdConfigError $e) {
    error_log('pushd token endpoint: ' . $e->getMessage());
    token_error(500, 'settings: ' . $e->getMessage());
} catch (PDOException $e) {
    error_log('pushd token endpoint: ' . $e->getMessage());
    token_error(503, 'the database of the token endpoint does not answer; see the error log of PHP');
} catch (Throwable $e) {
    error_log('pushd token endpoint: ' . $e->getMessage());
    token_error(500, 'the token endpoint failed; see the error log of PHP');
}
