<?php
/**
 * The TaskManager: finds the channels whose reminder is due and posts each to
 * pushd. Run it every minute:
 *
 *   * * * * *  php /path/to/deploy/php/cron.php >> /var/log/pushd-cron.log 2>&1
 *
 * It writes no live_notify_status: pushd alone does. A second run at the same
 * time does nothing, and a reminder posted twice is still one reminder.
 * 不要在 PHP 里改 live_notify_status，由 pushd 负责。
 *
 * Exit codes: 0 done; 1 tried again by itself next minute; 2 a person must act.
 */
declare(strict_types=1);

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');
require __DIR__ . '/lib.php';
require __DIR__ . '/posts.php';
require __DIR__ . '/wxtoken.php';
require __DIR__ . '/prefetch.php';

use Pushd\Platform\Schema\TooOld;

final class Cron
{
    const DONE = 0;
    const LATER = 1;
    const PERSON = 2;

    const POST_SECONDS = 10;   // for one POST …
    const LAST_SECONDS = 8;    // … and at the end of a run; pushd answers within them
    const BEAT_SECONDS = 2;    // for the heartbeat
    const AHEAD = 600;         // seconds: whose channels fall due within them has a token soon
    const AHEAD_ROWS = 20000;  // most channels that are looked at for it
    const FIRST_BACKOFF = 120; // seconds, doubled with every refusal …
    const MAX_BACKOFF = 3600;  // … up to here
    const MAX_PAUSE = 300;     // longest pause for all channels

    private $config;
    private $db;
    private $posts;
    private $end;            // nothing is posted from then on
    private $limit;          // rows of one read
    private $queue = [];     // channels that were read and not yet posted
    private $handled = [];   // by name: true, of this run
    private $flying = [];    // by name: channels whose answer is awaited
    private $tries = [];     // by name: how often pushd refused, or gave no answer
    private $pausedFor = 0;  // seconds that pushd asked for
    private $stopped = false;
    private $prefetch;       // null: not looked yet
    private $noted = [];
    private $exit = self::DONE;

    public function __construct(array $config, PDO $db)
    {
        $this->config = $config;
        $this->db = $db;
        $this->limit = $config['batch'];
        $this->posts = new PushdPosts($config['parallel'], $config['ca_file']);
    }

    /** Posts what is due, until nothing is left, the time is up or pushd wants no more. */
    public function run(): int
    {
        $began = time();
        $this->end = $began + $this->config['run_time'];
        if ($this->readAttempts($began)) {
            $this->beat(); // it is pushd that wants nothing now
            return self::LATER;
        }
        try {
            do {
                $this->postDue();
            } while ($this->prefetch() && time() < $this->end);
            $this->beat();
        } catch (TooOld $e) {
            $this->fails($e->getMessage(), self::PERSON);
        } catch (PDOException $e) {
            $this->fails('database: ' . $e->getMessage());
        }
        foreach ($this->prefetch ? $this->prefetch->troubles() : [] as $text) {
            $this->note($text);
        }
        return $this->exit;
    }

    private function postDue(): void
    {
        try {
            while ($this->ready() && ($channel = $this->next()) !== null) {
                $this->handle($channel);
            }
        } finally {
            while ($this->posts->inFlight() > 0) { // each has its time
                $this->land();
            }
        }
    }

    /**
     * Fetches tokens of what falls due soon, so that they come with the POST. It
     * has the time that posting leaves, and concerns nobody's exit code: pushd
     * asks for what it did not get. False: nothing is left to fetch.
     */
    private function prefetch(): bool
    {
        if ($this->config['prefetch'] === 0 || time() >= $this->end) {
            return false;
        }
        try {
            if ($this->prefetch === null) {
                $soon = [];
                foreach ($this->due(time() + self::AHEAD, self::AHEAD_ROWS) as $channel) {
                    if (!isset($this->handled[$this->name($channel)])) {
                        $soon[] = (string) $channel['appid'];
                    }
                }
                $this->prefetch = new TokenPrefetch($this->config, $this->db, $soon);
            }
            return $this->prefetch->slice($this->end);
        } catch (PDOException $e) {
            $this->note('tokens ahead of time: ' . $e->getMessage());
            return false;
        }
    }

    /**
     * Tells pushd that a run has looked for what is due, also when nothing was. It
     * comes last and concerns nobody's exit code: what keeps it away keeps the
     * posts away too, and pushd alarms when none comes.
     */
    private function beat(): void
    {
        if ($this->posts->dead()) {
            return; // the posts have said so
        }
        $this->posts->add('heartbeat', $this->config['url'] . '/v1/heartbeat', [$this->authorization()], [], self::BEAT_SECONDS);
        do {
            $answers = $this->posts->wait();
        } while ($answers === []);
        $answer = reset($answers);
        // An older pushd does not know it, and one that stops or has no database
        // says so to the posts.
        if (!in_array($answer['status'], [200, 404, 503], true)) {
            $this->note('heartbeat: ' . ($answer['error'] !== '' ? $answer['error'] : 'HTTP ' . $answer['status']));
        }
    }

    /** pushd may hold several keys, with names; one without is enough here. */
    private function authorization(): string
    {
        return 'Authorization: Bearer ' . preg_replace('/^[A-Za-z0-9_-]{1,32}:/', '', trim(explode(',', trim($this->config['api_key'], ', '))[0]));
    }

    /** Waits until another POST may go. False: no more in this run. */
    private function ready(): bool
    {
        while (!$this->stopped && !$this->posts->dead()) {
            if (time() >= $this->end) {
                $this->fails('out of time, the next run goes on');
                return false;
            }
            if ($this->posts->ready()) {
                return true;
            }
            $this->land();
        }
        return false;
    }

    private function land(): void
    {
        foreach ($this->posts->wait() as $name => $answer) {
            $channel = $this->flying[$name];
            unset($this->flying[$name]);
            $this->act($channel, $answer);
        }
    }

    /** The next channel, or null if no other is due. */
    private function next(): ?array
    {
        if ($this->queue === []) {
            $this->queue = array_reverse($this->read(time()));
        }
        $channel = array_pop($this->queue);
        if ($channel !== null) {
            $this->handled[$this->name($channel)] = true;
        }
        return $channel;
    }

    /**
     * Reads the channels that are due and that this run has not handled yet. It
     * has handled some that are due still: what is at work already, for example.
     * Where a read holds little else, the next holds more.
     */
    private function read(int $now): array
    {
        do {
            $rows = $this->due($now, $this->limit);
            $new = [];
            foreach ($rows as $channel) {
                if (!isset($this->handled[$this->name($channel)])) {
                    $new[$this->name($channel)] = $channel;
                }
            }
            $full = count($rows) >= $this->limit;
            if ($full && 2 * count($new) < $this->limit) {
                $this->limit *= 2;
            }
        } while ($full && $new === []);
        return array_values($new);
    }

    /** The first channels that are due at a time, earliest start first. */
    private function due(int $when, int $limit): array
    {
        $sql = $this->config['due_query'];
        $args = [
            ':now' => $when, ':latest' => $when + $this->config['lead'],
            ':oldest' => time() - $this->config['grace'], ':limit' => $limit,
        ];
        foreach (array_keys($args) as $name) {
            if (strpos($sql, $name) === false) {
                unset($args[$name]); // a query of your own need not use all
            }
        }
        return pushd_query($this->db, $sql, $args)->fetchAll();
    }

    /** A reminder is a channel with a start time. */
    private function name(array $channel): string
    {
        return (int) $channel['act_id'] . '/' . (int) $channel['start_time'];
    }

    /** Does what one channel wants. */
    private function handle(array $channel): void
    {
        $appid = (string) $channel['appid'];
        try {
            $token = wx_token_cached($this->db, $this->config, $appid);
        } catch (WxTokenError $e) {
            // Whose followers would be reminded? pushd may hold the account's
            // token already, so it would not ask.
            $this->refused($channel, ['status' => 0, 'json' => ['detail' => $e->getMessage()]], 'appid_taken');
            return;
        }
        $this->post($channel, wx_appid($appid), $token);
    }

    /**
     * Posts one job. The cached token spares pushd the first question; without
     * one pushd asks token.php. The secret stays here: pushd does not need it.
     */
    private function post(array $channel, string $appid, ?array $token): void
    {
        $job = ['actid' => (int) $channel['act_id'], 'appid' => $appid];
        if ($token !== null) {
            $job['accessToken'] = $token['access_token'];
            $job['accessTokenExpiresIn'] = $token['expires_in'];
        }
        $name = $this->name($channel);
        $this->flying[$name] = $channel;
        $this->posts->add($name, $this->config['url'] . '/v1/jobs', [$this->authorization()], $job,
            max(1, min(self::POST_SECONDS, $this->end + self::LAST_SECONDS - time())));
    }

    /** Acts on an answer. */
    private function act(array $channel, array $answer): void
    {
        $status = $answer['status'];
        $code = $answer['json']['code'] ?? '';
        $code = is_string($code) && preg_match('/^[a-z0-9_]{1,64}$/D', $code) ? $code : ''; // pushd's are like that
        $ours = is_string($answer['json']['id'] ?? null) && is_string($answer['json']['state'] ?? null);
        $none = $status === 0 || $status === 408 || ($status >= 500 && $code === '');
        $this->posts->heard(!$none);
        if ($none) {
            $this->unanswered($channel, $answer);
        } elseif (($status === 200 || $status === 202) && $ours) {
            $this->forget($channel);
            $what = $status === 202 ? 'accepted' : 'at work already';
            $this->line($channel, $status, $what . ' job=' . $answer['json']['id']);
        } elseif ($status === 503 || $status === 429) {
            $this->pause($channel, $answer);
        } elseif ($status !== 401 && $status >= 400 && $code !== '' && $code !== 'not_found') {
            $this->refused($channel, $answer, $code); // this one; the others may be well
        } else {
            $this->stopped = true;
            $this->exit = self::PERSON;
            $this->line($channel, $status, $status === 401
                ? 'pushd does not know this key: api_key here must be one of PUSHD_API_KEY there. Stopped.'
                : 'this is not an answer of pushd: is url right? Stopped.');
        }
    }

    /** pushd is draining or has no database: nobody else need try now. */
    private function pause(array $channel, array $answer): void
    {
        $this->stopped = true;
        $seconds = min($answer['retry_after'], self::MAX_PAUSE);
        if ($seconds > $this->pausedFor) {
            $this->pausedFor = $seconds;
            $this->remember(0, 0, $seconds, 1, 'pause');
        }
        $this->exit = max($this->exit, self::LATER);
        $this->line($channel, $answer['status'], 'pushd takes no jobs now; next minute, or after '
            . $answer['retry_after'] . ' s');
    }

    /** Nothing is known about this one; posting it again is harmless. */
    private function unanswered(array $channel, array $answer): void
    {
        $this->exit = max($this->exit, self::LATER);
        // It goes behind the others: what holds it up may be its own.
        $this->remember((int) $channel['act_id'], (int) $channel['start_time'], 0, $this->countTry($channel), 'no_answer');
        $this->line($channel, $answer['status'], 'no answer, next minute again: '
            . ($answer['error'] !== '' ? $answer['error'] : 'HTTP ' . $answer['status']));
    }

    /**
     * pushd has its reason, and a minute later it would be the same: ask ever
     * more rarely. A changed start time is another reminder and starts anew.
     */
    private function refused(array $channel, array $answer, string $code): void
    {
        $tries = $this->countTry($channel);
        $seconds = (int) min(self::FIRST_BACKOFF * 2 ** min($tries - 1, 10), self::MAX_BACKOFF);
        $from = strtotime((string) ($answer['json']['notBefore'] ?? ''));
        if ($from !== false) { // a brake of the account: pushd knows when it is over
            $seconds = (int) max(60, min($from + 1 - time(), 86400));
        }
        $this->remember((int) $channel['act_id'], (int) $channel['start_time'], $seconds, $tries, $code);
        if ($answer['status'] >= 500) {
            $this->exit = max($this->exit, self::LATER);
        } elseif ($answer['status'] !== 409) {
            $this->exit = max($this->exit, self::PERSON); // settings or data are wrong
        }
        $text = 'refused code=' . $code;
        foreach (['field', 'jobReason', 'detail'] as $name) {
            if (isset($answer['json'][$name]) && is_string($answer['json'][$name])) {
                $text .= " $name=" . json_encode($answer['json'][$name], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
            }
        }
        $this->line($channel, $answer['status'], "$text again_in={$seconds}s");
    }

    /**
     * Reads what became of earlier tries, all at once: most channels have none.
     * True if pushd has asked for a pause that is not over.
     */
    private function readAttempts(int $now): bool
    {
        // Refusals of long ago are of no use to anybody.
        $this->book('DELETE FROM pushd_php_attempt WHERE next_try < ?', [$now - 86400]);
        $read = $this->book('SELECT act_id, start_time, next_try, tries FROM pushd_php_attempt', []);
        $pause = 0;
        while ($read !== null && $row = $read->fetch()) {
            $this->tries[$this->name($row)] = (int) $row['tries'];
            if ($this->name($row) === '0/0') {
                $pause = (int) $row['next_try'] - $now;
            }
        }
        if ($pause <= 0 || $pause > self::MAX_PAUSE) { // beyond it, a clock was ahead
            return false;
        }
        $this->note("pushd asked for a pause of $pause s more");
        return true;
    }

    /** Counts one more try of a channel that came to nothing. */
    private function countTry(array $channel): int
    {
        $name = $this->name($channel);
        return $this->tries[$name] = ($this->tries[$name] ?? 0) + 1;
    }

    private function remember(int $act, int $start, int $seconds, int $tries, string $answer): void
    {
        $this->book('REPLACE INTO pushd_php_attempt (act_id, start_time, next_try, tries, answer)
            VALUES (?, ?, ?, ?, ?)', [$act, $start, time() + $seconds, $tries, $answer]);
    }

    private function forget(array $channel): void
    {
        if (isset($this->tries[$this->name($channel)])) {
            $this->book('DELETE FROM pushd_php_attempt WHERE act_id = ? AND start_time = ?',
                [(int) $channel['act_id'], (int) $channel['start_time']]);
        }
    }

    /** A statement of the book-keeping: posting goes on without it. */
    private function book(string $sql, array $args): ?PDOStatement
    {
        try {
            return pushd_query($this->db, $sql, $args);
        } catch (TooOld $e) {
            $this->fails($e->getMessage(), self::PERSON);
            return null;
        } catch (PDOException $e) {
            $this->fails('book-keeping failed: ' . $e->getMessage());
            return null;
        }
    }

    /** Notes, once, what the next run may do better, or a person. */
    private function fails(string $text, int $exit = self::LATER): void
    {
        $this->exit = max($this->exit, $exit);
        if (!isset($this->noted[$text])) {
            $this->noted[$text] = true;
            $this->note($text);
        }
    }

    private function line(array $channel, int $status, string $text): void
    {
        printf("%s actid=%d start=%d http=%d %s\n", gmdate('Y-m-d\TH:i:s\Z'),
            $channel['act_id'], $channel['start_time'], $status, $text);
    }

    private function note(string $text): void
    {
        fwrite(STDERR, gmdate('Y-m-d\TH:i:s\Z') . " $text\n");
    }
}

function cron_main(): int
{
    try {
        $config = pushd_config();
        pushd_check_url($config, 'url');
        if (trim($config['api_key'], ', ') === '') {
            throw new PushdConfigError('api_key is not set');
        }
        $path = $config['lock_file'] !== '' ? $config['lock_file'] : sys_get_temp_dir() . '/pushd-cron-' . md5(__DIR__) . '.lock';
        $unlock = pushd_file_lock($path, 0);
        if ($unlock === null) {
            $age = pushd_lock_age($path);
            fwrite(STDERR, "another run is at work" . ($age > 0 ? ", since $age s" : '') . "\n");
            $most = $config['run_time'] + 15;
            return $age > $most + 235 ? Cron::PERSON : ($age > $most ? Cron::LATER : Cron::DONE);
        }
        try {
            return (new Cron($config, pushd_db($config)))->run();
        } finally {
            $unlock();
        }
    } catch (PushdConfigError $e) {
        fwrite(STDERR, 'settings: ' . $e->getMessage() . "\n");
        return Cron::PERSON;
    } catch (PDOException $e) {
        fwrite(STDERR, 'database: ' . $e->getMessage() . "\n");
        return Cron::LATER;
    } catch (Throwable $e) { // uncaught, PHP would print arguments of calls
        fwrite(STDERR, 'failed: ' . $e->getMessage() . ' at ' . basename($e->getFile()) . ':' . $e->getLine() . "\n");
        return Cron::PERSON;
    }
}

exit(cron_main());
