<?php
/**
 * Functions over the classes in src/Token, for the sample host and for platforms
 * that call them: the access tokens of the platform's WeChat accounts. Everything
 * on the platform that needs a token should call wx_token().
 * 平台上所有需要 access_token 的地方都应调用 wx_token()，不要各自去取。
 */
declare(strict_types=1);

require_once __DIR__ . '/lib.php';

use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Token\Appid;
use Pushd\Platform\Token\CallableSource;
use Pushd\Platform\Token\Endpoint;
use Pushd\Platform\Token\Provider;
use Pushd\Platform\Token\StableToken;
use Pushd\Platform\Token\Token;

class_alias(Pushd\Platform\Token\Unavailable::class, 'WxTokenError');

/**
 * Answers a request for a token: status, headers and body (for JSON). token.php
 * is this and nothing else; a framework calls it with what it has of $_SERVER and
 * $_GET. See Endpoint for the request.
 *
 * $source, where the platform keeps tokens itself, is called in place of
 * wx_token() with the appid and what was rejected (see wx_token_is). It returns
 * access_token and expires_in, or null where it does not know the account.
 */
function wx_token_endpoint(array $server, array $query, ?callable $source = null): array
{
    $answer = Endpoint::fromSettings($server, $query, $source === null ? null : new CallableSource($source));
    return ['status' => $answer->status, 'headers' => $answer->headers, 'body' => $answer->body];
}

/** Is a token the one that was rejected? $rejected: 16 hex digits, or '' for none. */
function wx_token_is(string $token, string $rejected): bool
{
    return Token::is($token, $rejected);
}

/** The one spelling of an appid. See Appid. */
function wx_appid(string $text): string
{
    return Appid::canonical($text);
}

/** Can an account be called that? */
function wx_appid_valid(string $appid): bool
{
    return Appid::isValid($appid);
}

/**
 * Returns the token of an account as WeChat names it: access_token and
 * expires_in, the true seconds left. $rejected: the first 16 hex digits of
 * sha256 of a token that WeChat refused, or ''. Not to be called within a
 * transaction: the others could not see who fetches the token.
 */
function wx_token(PDO $db, array $config, string $appid, string $rejected = ''): array
{
    $config = Config::checked($config);
    return Provider::ofDatabase($config, new Connection($db, $config->tables()))->token($appid, $rejected)->toArray();
}

function wx_token_fingerprint(string $token): string
{
    return Token::fingerprint($token);
}

/** Asks WeChat for a token with a secret, and keeps nothing. Throws WxTokenError. */
function wx_stable_token(array $config, string $appid, string $secret, bool $force): array
{
    $token = (new StableToken(Config::checked($config)))->ask($appid, $secret, $force, Provider::SECONDS);
    return ['access_token' => $token->value, 'expires_at' => time() + $token->secondsLeft];
}
