<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** What is kept of an account's token. Times are unix seconds. */
final class Record
{
    /**
     * WeChat keeps a token of stable_token until five minutes before its end; from
     * then on it gives the next one, and both work.
     */
    const MARGIN = 300;
    /** How long what WeChat refused is not asked for again. */
    const FAILED_SECONDS = 5;

    public $appid;
    public $token = '';      // '' = none, or dropped
    public $expiresAt = 0;
    public $fetchedAt = 0;   // when fetched, or tried ahead of time
    public $forcedAt = 0;    // last force_refresh
    public $forceDay = 0;    // days since 1970 in Beijing
    public $forceCount = 0;  // force_refresh on that day
    public $secretHash = ''; // of the secret that earned the token
    public $failedAt = 0;    // when WeChat gave no token, and
    public $failedCode = 0;  // why: its errcode,
    public $failedText = ''; // its words
    public $lockedBy = '';   // who holds the lock of the account

    public function __construct(string $appid)
    {
        $this->appid = $appid;
    }

    /** Drops a token that another secret earned. */
    public function ownedBy(string $secret): self
    {
        $hash = substr(hash('sha256', 'wx_access_token/' . $secret), 0, 32);
        if (!hash_equals($this->secretHash, $hash)) {
            $this->token = '';
            $this->secretHash = $hash;
        }
        return $this;
    }

    /** Is there a token that was not refused and has not expired? */
    public function isAlive(string $rejected, int $now): bool
    {
        return $this->token !== '' && $this->expiresAt > $now && !Token::is($this->token, $rejected);
    }

    /** Is the token good, and not about to end? */
    public function isUsable(string $rejected, int $now): bool
    {
        return $this->isAlive($rejected, $now) && $this->expiresAt > $now + self::MARGIN;
    }

    /**
     * May it be answered without asking WeChat? Throws what WeChat said a moment ago,
     * where it gave no token: whoever waits hears it at once, and not each after a
     * question of their own.
     */
    public function isSettled(string $rejected, int $now): bool
    {
        if ($this->isUsable($rejected, $now)) {
            return true;
        }
        $age = $now - $this->failedAt;
        if ($age < 0 || $age >= self::FAILED_SECONDS) {
            return false;
        }
        if ($this->isAlive($rejected, $now)) {
            return true; // the last minutes of the old one are better than nothing
        }
        if ($this->token !== '') {
            return false; // the refused one has to be dropped first
        }
        $error = Unavailable::refused($this->failedCode, $this->failedText);
        $error->retryAfter = self::FAILED_SECONDS - $age;
        throw $error;
    }

    public function took(Token $token, int $asked): void
    {
        $this->token = $token->value;
        $this->expiresAt = $asked + $token->secondsLeft;
    }

    public function failed(Unavailable $error, int $now): void
    {
        $this->failedAt = $now;
        $this->failedCode = $error->errcode;
        $this->failedText = $error->errmsg;
    }
}
