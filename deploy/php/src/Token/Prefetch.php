<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Http\Posts;
use Pushd\Platform\Http\Response;

/**
 * Fetches access tokens before they are needed, several at a time. Each under the
 * lock of its account, so that none is fetched twice, and only where Provider
 * would have to ask WeChat as well. It never waits for a lock.
 */
final class Prefetch
{
    const APART = 300;   // seconds until an account that got no token is tried again
    const SLICE = 100;   // accounts, and
    const SECONDS = 5;   // seconds, after which the caller has a look at what else there is to do

    private $accounts;
    private $store;
    private $clock;
    private $posts;
    private $url;
    private $queue;       // accounts still to be asked for, the next one last: as the platform has it, by appid
    private $asked = [];  // by appid: record, secret, unlock, time
    private $failed = []; // by kind: how many, an example

    /** $accounts: appids as the platform has them, those that are needed first in front. */
    public function __construct(Config $config, Accounts $known, Store $store, Clock $clock, array $accounts)
    {
        $this->accounts = $known;
        $this->store = $store;
        $this->clock = $clock;
        $this->posts = new Posts($config->get('parallel'));
        $this->queue = array_reverse(array_slice($this->stale($accounts), 0, $config->get('prefetch'), true), true);
        $this->url = $this->queue === [] ? '' : (new StableToken($config))->url();
    }

    /** Fetches some, until a time at the latest. False: there are no more. */
    public function slice(int $end): bool
    {
        $until = min($end, $this->clock->now() + self::SECONDS);
        for ($n = 0; $n < self::SLICE && $this->queue !== [] && !$this->posts->dead() && $this->clock->now() < $until;) {
            if ($this->posts->ready()) {
                $text = end($this->queue);
                $appid = (string) key($this->queue);
                unset($this->queue[$appid]);
                $this->ask($appid, $text);
                $n++;
            } else {
                $this->land();
            }
        }
        while ($this->posts->inFlight() > 0) {
            $this->land();
        }
        return $this->queue !== [] && !$this->posts->dead();
    }

    /** What went wrong, one line a kind. */
    public function troubles(): array
    {
        $lines = [];
        foreach ($this->failed as list($n, $example)) {
            $lines[] = "no token ahead of time for $n account" . ($n > 1 ? 's, such as ' : ', ') . $example;
        }
        return $lines;
    }

    /** Those accounts whose token is not fresh, and that were not asked for a moment ago. */
    private function stale(array $accounts): array
    {
        $stale = [];
        foreach ($accounts as $text) {
            if (Appid::isValid(Appid::canonical($text))) {
                $stale[Appid::canonical($text)] = $text;
            }
        }
        foreach ($this->store->findAll(array_keys($stale)) as $appid => $record) {
            if (!$this->wanted($record)) {
                unset($stale[$appid]);
            }
        }
        return $stale;
    }

    private function wanted(Record $record): bool
    {
        $now = $this->clock->now();
        $age = $now - $record->fetchedAt;
        $lately = $age >= 0 && $age < self::APART; // a mark from the future is a wrong clock's
        return !$lately && !$record->isUsable('', $now);
    }

    /** Asks for one token, if no other process does. */
    private function ask(string $appid, string $text): void
    {
        try {
            $secret = $this->accounts->secret($text);
        } catch (Unavailable $e) {
            return; // whoever needs the token hears why
        }
        $unlock = $this->store->lock($appid, 0);
        if ($unlock === null) {
            return;
        }
        $record = $this->store->find($appid); // whoever held the lock before may have fetched it
        if (!$this->wanted((clone $record)->ownedBy($secret))) {
            $unlock();
            return;
        }
        $this->asked[$appid] = [$record, $secret, $unlock, $this->clock->now()];
        $this->posts->add($appid, $this->url, [], StableToken::body($appid, $secret, false), Provider::SECONDS);
    }

    private function land(): void
    {
        foreach ($this->posts->wait() as $appid => $answer) {
            list($record, $secret, $unlock, $asked) = $this->asked[$appid];
            unset($this->asked[$appid]);
            $this->posts->heard(isset($answer->json['access_token']) || isset($answer->json['errcode']));
            try {
                $this->keep($record, $secret, $answer, $asked);
            } finally {
                $unlock();
            }
        }
    }

    /** Stores what came. A failure stores that it was tried: others fail, too, until a person acts. */
    private function keep(Record $record, string $secret, Response $answer, int $asked): void
    {
        try {
            $new = StableToken::read($answer, $secret);
            $record->ownedBy($secret)->took($new, $asked);
        } catch (Unavailable $e) {
            list($n, $example) = $this->failed[$e->errcode] ?? [0, $record->appid . ': ' . $e->getMessage()];
            $this->failed[$e->errcode] = [$n + 1, $example];
        }
        $record->fetchedAt = $asked;
        $this->store->save($record);
    }
}
