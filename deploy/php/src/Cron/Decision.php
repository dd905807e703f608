<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

/** What an answer of pushd leads to. See AnswerPolicy. */
final class Decision
{
    const ACCEPTED = 'accepted'; // a job is there
    const REFUSED = 'refused';   // this channel; the others may be well
    const PAUSE = 'pause';       // pushd takes no jobs now
    const SILENT = 'silent';     // nothing is known about this channel
    const STOP = 'stop';         // a person must act before anything can be posted

    public $kind;
    /** pushd's code, or ''. */
    public $code;
    /** Exit code of the run, if nothing is worse. */
    public $exit;

    public function __construct(string $kind, string $code, int $exit)
    {
        $this->kind = $kind;
        $this->code = $code;
        $this->exit = $exit;
    }
}
