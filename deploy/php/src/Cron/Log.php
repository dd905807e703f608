<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

/** What a run says: one line a channel, and notes that concern the run. */
final class Log
{
    private $lines;
    private $notes;

    /** Two streams. */
    public function __construct($lines, $notes)
    {
        $this->lines = $lines;
        $this->notes = $notes;
    }

    public function line(Channel $channel, int $status, string $text): void
    {
        $format = "%s actid=%d start=%d http=%d %s\n";
        fwrite($this->lines, sprintf($format, gmdate('Y-m-d\TH:i:s\Z'), $channel->id, $channel->start, $status, $text));
    }

    public function note(string $text): void
    {
        fwrite($this->notes, gmdate('Y-m-d\TH:i:s\Z') . " $text\n");
    }
}
