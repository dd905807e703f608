<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** WeChat's limits of force_refresh: 20 a day, 30 seconds apart. */
final class ForceBudget
{
    const PER_DAY = 20;
    const APART = 30;

    /** Counts one more, or throws if WeChat would not allow it. */
    public static function spend(Record $record, int $now): void
    {
        $beijing = $now + 8 * 3600; // WeChat's day begins at 00:00 there
        $today = intdiv($beijing, 86400);
        // A mark that lies in the future was written by a clock that was ahead.
        if ($record->forcedAt <= $now && $now < $record->forcedAt + self::APART) {
            throw Unavailable::for('WeChat gives the refused token again, and force_refresh was used less than 30 s ago',
                503, $record->forcedAt + self::APART - $now);
        }
        if ($record->forceDay === $today && $record->forceCount >= self::PER_DAY) {
            throw Unavailable::for('WeChat gives the refused token again, and force_refresh is used up for today (20 a day): '
                . 'find out who resets the secret or refreshes this token', 503, 86400 - $beijing % 86400);
        }
        $record->forceCount = $record->forceDay === $today ? $record->forceCount + 1 : 1;
        $record->forceDay = $today;
        $record->forcedAt = $now;
    }
}
