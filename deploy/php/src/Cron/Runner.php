<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

use PDOException;
use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\DatabaseClock;
use Pushd\Platform\Http\Posts;
use Pushd\Platform\Http\Response;
use Pushd\Platform\Schema\TooOld;
use Pushd\Platform\Token\Accounts;
use Pushd\Platform\Token\DbStore;
use Pushd\Platform\Token\Prefetch;
use Pushd\Platform\Token\Provider;
use Pushd\Platform\Token\Unavailable;

/** One run of the TaskManager: posts what is due, and fetches tokens ahead of time. */
final class Runner
{
    const DONE = 0;   // exit codes: done,
    const LATER = 1;  // tried again by itself next minute,
    const PERSON = 2; // a person must act

    const AHEAD = 600;        // seconds: whose channels fall due within them has a token soon
    const AHEAD_ROWS = 20000; // most channels that are looked at for it
    const SKEW = 5;           // seconds that this machine's clock may be away from the database's

    private $config;
    private $clock;
    private $due;
    private $attempts;
    private $poster;
    private $accounts;
    private $store;
    private $tokens;
    private $log;
    private $end;            // nothing is posted from then on
    private $limit;          // rows of one read
    private $queue = [];     // channels that were read and not yet posted
    private $handled = [];   // by name: true, of this run
    private $pausedFor = 0;  // seconds that pushd asked for
    private $stopped = false;
    private $prefetch;       // null: not looked yet
    private $noted = [];
    private $exit = self::DONE;

    public function __construct(Config $config, Connection $db, Clock $clock, Log $log)
    {
        $this->config = $config;
        $this->clock = $clock;
        $this->log = $log;
        $this->due = new DueChannels($db, $config, $clock);
        $this->attempts = new Attempts($db, $clock, function (PDOException $e): void {
            $this->failsBy($e, 'book-keeping failed: ');
        });
        $this->poster = new Poster(new PushdClient($config), new Posts($config->get('parallel'), $config->get('ca_file')));
        $this->accounts = new Accounts($db, $config);
        $this->store = new DbStore($db, $clock);
        $this->tokens = new Provider($config, $this->accounts, $this->store, $clock);
        $this->limit = $config->get('batch');
    }

    /** A run on the platform's database, by the database's time. */
    public static function ofDatabase(Config $config, Connection $db, Log $log): self
    {
        $clock = new DatabaseClock($db);
        if (abs($clock->ahead()) >= self::SKEW) {
            $log->note('the clock of this machine is ' . abs($clock->ahead()) . ' s ' . ($clock->ahead() > 0 ? 'behind' : 'ahead of')
                . ' the database\'s, by which reminders go; set it right (NTP)');
        }
        return new self($config, $db, $clock, $log);
    }

    /** Posts what is due, until nothing is left, the time is up or pushd wants no more. */
    public function run(): int
    {
        $this->end = $this->clock->now() + $this->config->get('run_time');
        $pause = $this->attempts->read();
        if ($pause > 0) {
            $this->log->note("pushd asked for a pause of $pause s more");
            $this->beat(); // it is pushd that wants nothing now
            return max($this->exit, self::LATER);
        }
        try {
            do {
                $this->postDue();
            } while ($this->prefetch() && $this->left() > 0);
            $this->beat();
        } catch (PDOException $e) {
            $this->failsBy($e, 'database: ');
        }
        foreach ($this->prefetch ? $this->prefetch->troubles() : [] as $text) {
            $this->log->note($text);
        }
        return $this->exit;
    }

    /** Seconds that the run has left. */
    private function left(): int
    {
        return $this->end - $this->clock->now();
    }

    private function postDue(): void
    {
        try {
            while ($this->ready() && ($channel = $this->next()) !== null) {
                $this->handle($channel);
            }
        } finally {
            while ($this->poster->inFlight() > 0) { // each has its time
                $this->land();
            }
        }
    }

    /**
     * Fetches tokens of what falls due soon, so that they come with the POST. It
     * has the time that posting leaves, and does not count for the exit code: pushd
     * asks for what it did not get. False: nothing is left to fetch.
     */
    private function prefetch(): bool
    {
        if ($this->config->get('prefetch') === 0 || $this->left() <= 0) {
            return false;
        }
        try {
            if ($this->prefetch === null) {
                $soon = [];
                foreach ($this->due->read($this->clock->now() + self::AHEAD, self::AHEAD_ROWS) as $channel) {
                    if (!isset($this->handled[$channel->name()])) {
                        $soon[] = $channel->appid;
                    }
                }
                $this->prefetch = new Prefetch($this->config, $this->accounts, $this->store, $this->clock, $soon);
            }
            return $this->prefetch->slice($this->end);
        } catch (PDOException $e) {
            $this->log->note('tokens ahead of time: ' . $e->getMessage());
            return false;
        }
    }

    /**
     * Tells pushd that a run has looked for what is due, also when nothing was. It
     * comes last and does not count for the exit code: what keeps it away keeps the
     * posts away too, and pushd alarms when none comes.
     */
    private function beat(): void
    {
        if ($this->poster->dead()) {
            return; // the posts have said so
        }
        $answer = $this->poster->beat();
        // An older pushd does not know it, and one that stops or has no database
        // says so to the posts.
        if (!in_array($answer->status, [200, 404, 503], true)) {
            $this->log->note('heartbeat: ' . ($answer->error !== '' ? $answer->error : 'HTTP ' . $answer->status));
        }
    }

    /** Waits until another POST may go. False: no more in this run. */
    private function ready(): bool
    {
        while (!$this->stopped && !$this->poster->dead()) {
            if ($this->left() <= 0) {
                $this->fails('out of time, the next run goes on');
                return false;
            }
            if ($this->poster->ready()) {
                return true;
            }
            $this->land();
        }
        return false;
    }

    private function land(): void
    {
        foreach ($this->poster->wait() as list($channel, $answer)) {
            $this->act($channel, $answer);
        }
    }

    /** The next channel, or null if no other is due. */
    private function next(): ?Channel
    {
        if ($this->queue === []) {
            $this->queue = array_reverse($this->read());
        }
        $channel = array_pop($this->queue);
        if ($channel !== null) {
            $this->handled[$channel->name()] = true;
        }
        return $channel;
    }

    /**
     * Reads the channels that are due and that this run has not handled yet. It
     * has handled some that are due still: what is at work already, for example.
     * Where a read holds little else, the next holds more.
     */
    private function read(): array
    {
        $now = $this->clock->now();
        do {
            $channels = $this->due->read($now, $this->limit);
            $new = [];
            foreach ($channels as $channel) {
                if (!isset($this->handled[$channel->name()])) {
                    $new[$channel->name()] = $channel;
                }
            }
            $full = count($channels) >= $this->limit;
            if ($full && 2 * count($new) < $this->limit) {
                $this->limit *= 2;
            }
        } while ($full && $new === []);
        return array_values($new);
    }

    /** Does what one channel wants. */
    private function handle(Channel $channel): void
    {
        try {
            $this->poster->post($channel, $this->tokens->cached($channel->appid), $this->left());
        } catch (Unavailable $e) {
            // Whose followers would be reminded? pushd may hold the account's
            // token already, so it would not ask.
            $this->refused($channel, new Response(0, ['detail' => $e->getMessage()]), new Decision(Decision::REFUSED, 'appid_taken', self::PERSON));
        }
    }

    /** Acts on an answer. */
    private function act(Channel $channel, Response $answer): void
    {
        $decision = AnswerPolicy::decide($answer);
        $this->poster->heard($decision->kind !== Decision::SILENT);
        $this->exit = max($this->exit, $decision->exit);
        switch ($decision->kind) {
            case Decision::ACCEPTED:
                $this->attempts->forget($channel);
                $this->log->line($channel, $answer->status, ($answer->status === 202 ? 'accepted' : 'at work already') . ' job=' . $answer->text('id'));
                break;
            case Decision::SILENT:
                $this->silent($channel, $answer);
                break;
            case Decision::PAUSE:
                $this->pause($channel, $answer);
                break;
            case Decision::REFUSED:
                $this->refused($channel, $answer, $decision);
                break;
            case Decision::STOP:
                $this->stopped = true;
                $this->log->line($channel, $answer->status, $answer->status === 401
                    ? 'pushd does not know this key: api_key here must be one of PUSHD_API_KEY there. Stopped.'
                    : 'this is not an answer of pushd: is url right? Stopped.');
        }
    }

    /** pushd is draining or has no database: no other channel need be tried now. */
    private function pause(Channel $channel, Response $answer): void
    {
        $this->stopped = true;
        $seconds = min($answer->retryAfter, Attempts::MAX_PAUSE);
        if ($seconds > $this->pausedFor) {
            $this->pausedFor = $seconds;
            $this->attempts->pause($seconds);
        }
        $this->log->line($channel, $answer->status, 'pushd takes no jobs now; next minute, or after ' . $answer->retryAfter . ' s');
    }

    /** Nothing is known about this one; posting it again is harmless. */
    private function silent(Channel $channel, Response $answer): void
    {
        // It goes behind the others: what holds it up may be its own.
        $this->attempts->count($channel);
        $this->attempts->note($channel, 0, 'no_answer');
        $this->log->line($channel, $answer->status, 'no answer, next minute again: '
            . ($answer->error !== '' ? $answer->error : 'HTTP ' . $answer->status));
    }

    /** It is asked for again later. A changed start time is another reminder and starts again. */
    private function refused(Channel $channel, Response $answer, Decision $decision): void
    {
        $this->exit = max($this->exit, $decision->exit);
        $seconds = AnswerPolicy::backOff($decision->code, $this->attempts->count($channel), $channel->start,
            $this->clock->now(), $answer->text('notBefore'));
        $this->attempts->note($channel, $seconds, $decision->code);
        $text = 'refused code=' . $decision->code;
        foreach (['field', 'jobReason', 'detail'] as $name) {
            if (isset($answer->json[$name]) && is_string($answer->json[$name])) {
                $text .= " $name=" . json_encode($answer->json[$name], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
            }
        }
        $this->log->line($channel, $answer->status, "$text again_in={$seconds}s");
    }

    /** Notes what the database refused: tables that are too old want a person. */
    private function failsBy(PDOException $e, string $what): void
    {
        if ($e instanceof TooOld) {
            $this->fails($e->getMessage(), self::PERSON);
        } else {
            $this->fails($what . $e->getMessage());
        }
    }

    /** Notes, once, what the next run may do better, or a person. */
    private function fails(string $text, int $exit = self::LATER): void
    {
        $this->exit = max($this->exit, $exit);
        if (!isset($this->noted[$text])) {
            $this->noted[$text] = true;
            $this->log->note($text);
        }
    }
}
