<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

use Pushd\Platform\Http\Response;

/** What cron does with an answer of pushd, and when it asks again. It has no state and makes no call. */
final class AnswerPolicy
{
    const FIRST_BACKOFF = 120; // seconds, doubled with every refusal …
    const MAX_BACKOFF = 3600;  // … up to here
    const MIN_BACKOFF = 60;
    const MAX_BRAKE = 86400;   // for a brake of the account

    /** Refusals that only a person's command undoes. */
    private const FINAL = ['already_notified', 'job_ended', 'deadline_passed'];

    public static function decide(Response $answer): Decision
    {
        $status = $answer->status;
        $code = $answer->text('code');
        $code = preg_match('/^[a-z0-9_]{1,64}$/D', $code) ? $code : ''; // pushd's are like that
        $isJob = $answer->text('id') !== '' && $answer->text('state') !== '';
        if ($status === 0 || $status === 408 || ($status >= 500 && $code === '')) {
            return new Decision(Decision::SILENT, '', Runner::LATER);
        }
        if (($status === 200 || $status === 202) && $isJob) {
            return new Decision(Decision::ACCEPTED, '', Runner::DONE);
        }
        if ($status === 503 || $status === 429) {
            return new Decision(Decision::PAUSE, $code, Runner::LATER);
        }
        if ($status !== 401 && $status >= 400 && $code !== '' && $code !== 'not_found') {
            $exit = $status >= 500 ? Runner::LATER : ($status === 409 ? Runner::DONE : Runner::PERSON); // settings or data are wrong
            return new Decision(Decision::REFUSED, $code, $exit);
        }
        return new Decision(Decision::STOP, $code, Runner::PERSON);
    }

    /**
     * Seconds until a refused channel is asked for again. pushd has its reason, and a
     * minute later it would be the same: ever more rarely. But what a person corrects
     * shortly before the start is to be noticed before it: the wait is no longer than
     * half of the time to the start. Where pushd says when a brake of the account is
     * over ($notBefore, as text), it is asked for then.
     */
    public static function backOff(string $code, int $tries, int $start, int $now, string $notBefore): int
    {
        $from = strtotime($notBefore);
        if ($from !== false) {
            return (int) max(self::MIN_BACKOFF, min($from + 1 - $now, self::MAX_BRAKE));
        }
        $seconds = (int) min(self::FIRST_BACKOFF * 2 ** min($tries - 1, 10), self::MAX_BACKOFF);
        if (in_array($code, self::FINAL, true)) {
            return $seconds;
        }
        return min($seconds, max(self::MIN_BACKOFF, intdiv(abs($start - $now), 2)));
    }
}
