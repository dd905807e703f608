<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/**
 * A platform's own tokens, as a function of the appid and of what was rejected
 * (see Token::is). It returns access_token and expires_in, or null where it does
 * not know the account.
 */
final class CallableSource implements Source
{
    private $source;

    public function __construct(callable $source)
    {
        $this->source = $source;
    }

    public function token(string $appid, string $rejected = ''): Token
    {
        $token = ($this->source)($appid, $rejected);
        if ($token === null) {
            throw new Unavailable('unknown appid', 404);
        }
        $value = $token['access_token'] ?? null;
        $seconds = (int) ($token['expires_in'] ?? 0);
        if (!is_string($value) || $value === '' || $seconds <= 0) {
            throw new Unavailable('the platform has no access token of this account now', 502);
        }
        return new Token($value, $seconds);
    }
}
