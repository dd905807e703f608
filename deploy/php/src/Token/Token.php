<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** An access token, and how many seconds it has left. */
final class Token
{
    public $value;
    public $secondsLeft;

    public function __construct(string $value, int $secondsLeft)
    {
        $this->value = $value;
        $this->secondsLeft = $secondsLeft;
    }

    /** The first 16 hex digits of its sha256: by them a token is named where it must not be seen. */
    public static function fingerprint(string $value): string
    {
        return substr(hash('sha256', $value), 0, 16);
    }

    /** Is a token the one that was rejected? $rejected: a fingerprint, or '' for none. */
    public static function is(string $value, string $rejected): bool
    {
        return $rejected !== '' && hash_equals(self::fingerprint($value), $rejected);
    }

    /** As WeChat names its parts. */
    public function toArray(): array
    {
        return ['access_token' => $this->value, 'expires_in' => $this->secondsLeft];
    }
}
