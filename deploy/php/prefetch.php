<?php
/**
 * Fetches access tokens before they are needed, several at a time. Each under
 * the lock of wx_token(), so that nobody fetches one twice, and only where
 * wx_token() would have to ask WeChat as well. It never waits for a lock.
 */
declare(strict_types=1);

final class TokenPrefetch
{
    const APART = 300;   // seconds until an account that got no token is tried again
    const SLICE = 100;   // accounts, and
    const SECONDS = 5;   // seconds, after which the caller has a look at what else there is to do

    private $config;
    private $db;
    private $posts;
    private $url;
    private $queue;       // accounts still to be asked for, the next one last: as the platform has it, by appid
    private $asked = [];  // by appid: row, secret, unlock, time
    private $failed = []; // by kind: how many, an example

    /** $accounts: appids as the platform has them, those that are needed first in front. */
    public function __construct(array $config, PDO $db, array $accounts)
    {
        $this->config = $config;
        $this->db = $db;
        $this->posts = new PushdPosts($config['parallel']);
        $this->queue = array_reverse(array_slice($this->stale($accounts), 0, $config['prefetch'], true), true);
        $this->url = $this->queue === [] ? '' : wx_stable_token_url($config);
    }

    /** Fetches some, until a time at the latest. False: there are no more. */
    public function slice(int $end): bool
    {
        $until = min($end, time() + self::SECONDS);
        for ($n = 0; $n < self::SLICE && $this->queue !== [] && !$this->posts->dead() && time() < $until;) {
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
            if (wx_appid_valid(wx_appid($text))) {
                $stale[wx_appid($text)] = $text;
            }
        }
        foreach (array_chunk(array_map('strval', array_keys($stale)), 500) as $some) {
            $marks = implode(', ', array_fill(0, count($some), '?'));
            $rows = pushd_query($this->db, "SELECT * FROM wx_access_token WHERE appid IN ($marks)", $some)->fetchAll();
            foreach ($rows as $row) {
                if (!$this->wanted($row)) {
                    unset($stale[$row['appid']]);
                }
            }
        }
        return $stale;
    }

    private function wanted(array $row): bool
    {
        $age = time() - (int) $row['fetched_at'];
        $lately = $age >= 0 && $age < self::APART; // a mark from the future is a wrong clock's
        return !$lately && !wx_token_usable($row, '');
    }

    /** Asks for one token, if nobody else does. */
    private function ask(string $appid, string $text): void
    {
        try {
            $secret = wx_secret($this->db, $this->config, $text);
        } catch (WxTokenError $e) {
            return; // whoever needs the token hears why
        }
        $unlock = $secret === '' ? null : wx_token_lock($this->db, $appid, 0);
        if ($unlock === null) {
            return;
        }
        $row = wx_token_row($this->db, $appid); // whoever held the lock before may have fetched it
        if (!$this->wanted(wx_token_of_secret($row, $secret))) {
            $unlock();
            return;
        }
        $this->asked[$appid] = [$row, $secret, $unlock, time()];
        $this->posts->add($appid, $this->url, [], wx_stable_token_body($appid, $secret, false), WX_TOKEN_SECONDS);
    }

    private function land(): void
    {
        foreach ($this->posts->wait() as $appid => $answer) {
            list($row, $secret, $unlock, $asked) = $this->asked[$appid];
            unset($this->asked[$appid]);
            $this->posts->heard(isset($answer['json']['access_token']) || isset($answer['json']['errcode']));
            try {
                $this->keep($row, $secret, $answer, $asked);
            } finally {
                $unlock();
            }
        }
    }

    /** Stores what came. A failure stores that it was tried: others fail, too, until a person acts. */
    private function keep(array $row, string $secret, array $answer, int $asked): void
    {
        try {
            $new = wx_stable_token_read($answer, $secret, $asked);
            $row = wx_token_of_secret($row, $secret);
            $row['access_token'] = $new['access_token'];
            $row['expires_at'] = $new['expires_at'];
        } catch (WxTokenError $e) {
            list($n, $example) = $this->failed[$e->errcode] ?? [0, $row['appid'] . ': ' . $e->getMessage()];
            $this->failed[$e->errcode] = [$n + 1, $example];
        }
        $row['fetched_at'] = $asked;
        wx_token_save($this->db, $row);
    }
}
