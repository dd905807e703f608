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
require __DIR__ . '/wxtoken.php';

final class Cron
{
    const DONE = 0;
    const LATER = 1;
    const PERSON = 2;

    const RUN_SECONDS = 50;    // leave the rest to the next minute
    const NO_ANSWER_STOP = 3;  // so many in a row: pushd is not there
    const FIRST_BACKOFF = 120; // seconds, doubled with every refusal …
    const MAX_BACKOFF = 3600;  // … up to here
    const MAX_PAUSE = 300;     // longest pause for all channels

    private $config;
    private $db;
    private $curl;
    private $exit = self::DONE;
    private $noAnswer = 0;

    public function __construct(array $config, PDO $db)
    {
        $this->config = $config;
        $this->db = $db;
        $this->curl = curl_init(); // one handle: one connection for all posts
        if ($config['ca_file'] !== '') {
            curl_setopt($this->curl, CURLOPT_CAINFO, $config['ca_file']);
        }
    }

    public function run(): int
    {
        $began = time();
        // Refusals of long ago are of no use to anybody.
        $this->book('DELETE FROM pushd_php_attempt WHERE next_try < ?', [$began - 86400]);
        $pause = $this->attempt(0, 0);
        if ($pause['next_try'] > $began && $pause['next_try'] <= $began + self::MAX_PAUSE) { // beyond it, a clock was ahead
            $this->note('pushd asked for a pause of ' . ($pause['next_try'] - $began) . ' s more');
            return self::LATER;
        }
        foreach ($this->due($began) as $channel) {
            if (time() >= $began + self::RUN_SECONDS) {
                $this->note('out of time, the next run goes on');
                return max($this->exit, self::LATER);
            }
            if (!$this->handle($channel)) {
                break;
            }
        }
        return $this->exit;
    }

    /** The channels that are due, earliest start first. */
    private function due(int $now): array
    {
        $sql = $this->config['due_query'];
        $args = [':now' => $now, ':oldest' => $now - $this->config['grace'], ':limit' => $this->config['batch']];
        foreach (array_keys($args) as $name) {
            if (strpos($sql, $name) === false) {
                unset($args[$name]); // a query of your own need not use all
            }
        }
        return pushd_query($this->db, $sql, $args)->fetchAll();
    }

    /** Does what one channel wants, and says whether to go on with the next. */
    private function handle(array $channel): bool
    {
        $appid = (string) $channel['appid'];
        try {
            $token = wx_token_cached($this->db, $this->config, $appid);
        } catch (WxTokenError $e) {
            // Whose followers would be reminded? pushd may hold the account's
            // token already, so it would not ask.
            $this->refused($channel, ['status' => 0, 'json' => ['detail' => $e->getMessage()]], 'appid_taken');
            return true;
        }
        return $this->act($channel, $this->post($channel, wx_appid($appid), $token));
    }

    /**
     * Posts one job. The cached token spares pushd the first question; without
     * one pushd asks token.php. The secret stays here: pushd does not need it.
     */
    private function post(array $channel, string $appid, ?array $token): array
    {
        $job = ['actid' => (int) $channel['act_id'], 'appid' => $appid];
        if ($token !== null) {
            $job['accessToken'] = $token['access_token'];
            $job['accessTokenExpiresIn'] = $token['expires_in'];
        }
        // pushd may hold several keys; one is enough here.
        $key = trim(explode(',', trim($this->config['api_key'], ', '))[0]);
        return pushd_post($this->curl, $this->config['url'] . '/v1/jobs', ['Authorization: Bearer ' . $key], $job, 10);
    }

    /** Acts on an answer and says whether to go on with the next channel. */
    private function act(array $channel, array $answer): bool
    {
        $status = $answer['status'];
        $code = $answer['json']['code'] ?? '';
        $code = is_string($code) && preg_match('/^[a-z0-9_]{1,64}$/D', $code) ? $code : ''; // pushd's are like that
        $ours = is_string($answer['json']['id'] ?? null) && is_string($answer['json']['state'] ?? null);
        if (($status === 200 || $status === 202) && $ours) {
            $this->noAnswer = 0;
            $this->forget($channel);
            $what = $status === 202 ? 'accepted' : 'at work already';
            $this->line($channel, $status, $what . ' job=' . ($answer['json']['id'] ?? '?'));
            return true;
        }
        // A load balancer's 503 is not pushd's, and neither is its Retry-After.
        if ($status === 503 && $code !== '' || $status === 429) {
            return $this->pause($channel, $answer);
        }
        if ($status >= 500 && $code !== '') { // pushd can't do this one; the others may be well
            $this->noAnswer = 0;
            $this->refused($channel, $answer, $code);
            return true;
        }
        if ($status === 0 || $status === 408 || $status >= 500) {
            return $this->unanswered($channel, $answer);
        }
        if ($status !== 401 && $status >= 400 && $code !== '' && $code !== 'not_found') {
            $this->noAnswer = 0;
            $this->refused($channel, $answer, $code);
            return true;
        }
        $this->exit = self::PERSON;
        $this->line($channel, $status, $status === 401
            ? 'pushd does not know this key: api_key here must be one of PUSHD_API_KEY there. Stopped.'
            : 'this is not an answer of pushd: is url right? Stopped.');
        return false;
    }

    /** pushd is draining or has no database: nobody else need try now. */
    private function pause(array $channel, array $answer): bool
    {
        $seconds = min($answer['retry_after'], self::MAX_PAUSE);
        if ($seconds > 0) {
            $this->remember(0, 0, $seconds, 1, 'pause');
        }
        $this->exit = max($this->exit, self::LATER);
        $this->line($channel, $answer['status'], 'pushd takes no jobs now; next minute, or after '
            . $answer['retry_after'] . ' s');
        return false;
    }

    /** Nothing is known about this one; posting it again is harmless. */
    private function unanswered(array $channel, array $answer): bool
    {
        $this->exit = max($this->exit, self::LATER);
        $this->noAnswer++;
        // It goes behind the others: what holds it up may be its own.
        $tries = $this->attempt((int) $channel['act_id'], (int) $channel['start_time'])['tries'] + 1;
        $this->remember((int) $channel['act_id'], (int) $channel['start_time'], 0, $tries, 'no_answer');
        $this->line($channel, $answer['status'], 'no answer, next minute again: '
            . ($answer['error'] !== '' ? $answer['error'] : 'HTTP ' . $answer['status']));
        return $this->noAnswer < self::NO_ANSWER_STOP;
    }

    /**
     * pushd has its reason, and a minute later it would be the same: ask ever
     * more rarely. A changed start time is another reminder and starts anew.
     */
    private function refused(array $channel, array $answer, string $code): void
    {
        $act = (int) $channel['act_id'];
        $start = (int) $channel['start_time'];
        $tries = $this->attempt($act, $start)['tries'] + 1;
        $seconds = (int) min(self::FIRST_BACKOFF * 2 ** min($tries - 1, 10), self::MAX_BACKOFF);
        $this->remember($act, $start, $seconds, $tries, $code);
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

    private function attempt(int $act, int $start): array
    {
        $read = $this->book('SELECT next_try, tries FROM pushd_php_attempt WHERE act_id = ? AND start_time = ?', [$act, $start]);
        $row = $read === null ? [] : ($read->fetch() ?: []);
        return ['next_try' => (int) ($row['next_try'] ?? 0), 'tries' => (int) ($row['tries'] ?? 0)];
    }

    private function remember(int $act, int $start, int $seconds, int $tries, string $answer): void
    {
        $this->book('REPLACE INTO pushd_php_attempt (act_id, start_time, next_try, tries, answer)
            VALUES (?, ?, ?, ?, ?)', [$act, $start, time() + $seconds, $tries, $answer]);
    }

    private function forget(array $channel): void
    {
        $this->book('DELETE FROM pushd_php_attempt WHERE act_id = ? AND start_time = ?',
            [(int) $channel['act_id'], (int) $channel['start_time']]);
    }

    /** A statement of the book-keeping: posting goes on without it. */
    private function book(string $sql, array $args): ?PDOStatement
    {
        try {
            return pushd_query($this->db, $sql, $args);
        } catch (PDOException $e) {
            $this->exit = max($this->exit, self::LATER);
            $this->note('book-keeping failed: ' . $e->getMessage());
            return null;
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
            return $age > 300 ? Cron::PERSON : ($age > 65 ? Cron::LATER : Cron::DONE);
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
