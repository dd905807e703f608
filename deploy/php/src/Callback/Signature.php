<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

/**
 * Who calls. Source: the SHA-1 of token, timestamp and nonce in order,
 * https://developers.weixin.qq.com/doc/service/guide/dev/push/
 */
final class Signature
{
    /** Seconds that a signature is good for, both sides of now. */
    const FRESH = 300;

    /**
     * The token of an account's callback. It is derived and not stored: a signature is
     * checked before the database is touched, and pushd can check it as well. Version
     * 0 is that of an account whose token was never renewed.
     */
    public static function token(string $secret, string $appid, int $version = 0): string
    {
        return substr(hash_hmac('sha256', "callback\n$appid" . ($version > 0 ? "\n$version" : ''), $secret), 0, 32);
    }

    /** Checks a request's query at a time, and returns its signature. Throws Refused. */
    public static function check(string $token, array $query, int $now): string
    {
        $given = self::parameter($query, 'signature', '/^[0-9a-f]{40}$/D');
        $time = self::parameter($query, 'timestamp', '/^\d{1,12}$/D');
        $parts = [$token, $time, self::parameter($query, 'nonce', '/^[\w-]{1,64}$/D')];
        sort($parts, SORT_STRING);
        if (!hash_equals(sha1(implode('', $parts)), $given)) {
            throw new Refused(403, 'signature', 'wrong signature: is the token in WeChat\'s console the one of the settings page?');
        }
        if (abs($now - (int) $time) > self::FRESH) {
            throw new Refused(403, 'stale', 'the timestamp is more than five minutes away; check the clock of this server');
        }
        return $given;
    }

    /** A parameter of the query that must be there. Throws Refused. */
    public static function parameter(array $query, string $name, string $pattern): string
    {
        $value = $query[$name] ?? '';
        if (!is_string($value) || !preg_match($pattern, $value)) {
            throw new Refused(400, 'malformed', "parameter $name is missing or malformed");
        }
        return $value;
    }
}
