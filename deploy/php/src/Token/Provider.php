<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

use PDOException;
use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\DatabaseClock;

/**
 * The access tokens of the platform's accounts: the one place that asks WeChat for
 * them. Everything on the platform that needs a token should ask here.
 * 平台上所有需要 access_token 的地方都应从这里取，不要各自去取。
 */
final class Provider implements Source
{
    /**
     * How long a request for a token may wait, for another request and for WeChat.
     * pushd hangs up after ten seconds, and would not hear the reason.
     */
    const SECONDS = 8;

    private $config;
    private $accounts;
    private $store;
    private $wechat;
    private $clock;

    public function __construct(Config $config, Accounts $accounts, Store $store, Clock $clock)
    {
        $this->config = $config;
        $this->accounts = $accounts;
        $this->store = $store;
        $this->wechat = new StableToken($config);
        $this->clock = $clock;
    }

    /** The one that keeps its records in the platform's database. */
    public static function ofDatabase(Config $config, Connection $db, ?Clock $clock = null): self
    {
        $clock = $clock ?? new DatabaseClock($db);
        return new self($config, new Accounts($db, $config), new DbStore($db, $clock), $clock);
    }

    /**
     * Not to be called within a transaction: the others could not see who fetches
     * the token.
     */
    public function token(string $appid, string $rejected = ''): Token
    {
        $until = microtime(true) + self::SECONDS;
        $secret = $this->accounts->secret($appid);
        $appid = Appid::canonical($appid);
        $record = $this->store->find($appid)->ownedBy($secret);
        if (!$record->isSettled($rejected, $this->clock->now())) {
            $record = $this->underLock($appid, $secret, $rejected, $until);
        }
        // In its last second it is still good.
        return new Token($record->token, max(1, $record->expiresAt - $this->clock->now()));
    }

    /**
     * The token that is kept, if it has not expired, or null. It makes no call. Throws
     * if it is not certain whose the account is.
     */
    public function cached(string $appid): ?Token
    {
        try {
            $secret = $this->accounts->secret($appid);
            $record = $this->store->find(Appid::canonical($appid))->ownedBy($secret);
        } catch (Unavailable $e) {
            if ($e->getCode() === 409) {
                throw $e;
            }
            return null; // pushd will ask the endpoint, and hear why
        }
        $now = $this->clock->now();
        return $record->isUsable('', $now) ? new Token($record->token, $record->expiresAt - $now) : null;
    }

    private function underLock(string $appid, string $secret, string $rejected, float $until): Record
    {
        $leave = (new Places($this->config->get('token_parallel')))->take();
        $unlock = $this->store->lock($appid, min($this->config->get('lock_wait'), self::SECONDS));
        if ($unlock === null) {
            throw Unavailable::for('another request is fetching this token and takes too long; ask again', 503, 2);
        }
        try {
            // Whoever held the lock before may have fetched it meanwhile, or have
            // heard why there is none.
            $record = $this->store->find($appid)->ownedBy($secret);
            if (!$record->isSettled($rejected, $this->clock->now())) {
                $this->renew($record, $secret, $rejected, $until);
            }
            return $record;
        } finally {
            $unlock();
            $leave();
        }
    }

    /** Fetches a token, until a time at the latest, and stores it. The caller holds the lock. */
    private function renew(Record $record, string $secret, string $rejected, float $until): void
    {
        if ($record->token !== '' && !$record->isAlive($rejected, $this->clock->now())) {
            // Whatever WeChat says now, the refused one is not given out any more.
            $record->token = '';
            $this->store->save($record);
        }
        try {
            $asked = $this->clock->now();
            $new = $this->ask($record->appid, $secret, false, $until);
            if (Token::is($new->value, $rejected)) {
                ForceBudget::spend($record, $this->clock->now());
                $this->store->save($record); // before the call: WeChat counts also what we get no answer to
                $asked = $this->clock->now();
                $new = $this->ask($record->appid, $secret, true, $until);
            }
        } catch (Unavailable $e) {
            if ($e->getCode() === 502) { // WeChat's doing
                $record->failed($e, $this->clock->now());
                $this->store->save($record);
            }
            if ($record->isAlive($rejected, $this->clock->now())) {
                return; // the last minutes of the old one are better than nothing
            }
            throw $e;
        }
        $record->took($new, $asked);
        $record->fetchedAt = $this->clock->now();
        $record->failedAt = 0;
        try {
            $this->store->save($record);
        } catch (PDOException $e) { // the token is good all the same, and WeChat gives it again
            error_log('pushd token endpoint: ' . $e->getMessage());
        }
    }

    private function ask(string $appid, string $secret, bool $force, float $until): Token
    {
        return $this->wechat->ask($appid, $secret, $force, max(1, $until - microtime(true)));
    }
}
