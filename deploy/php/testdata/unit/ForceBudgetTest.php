<?php
declare(strict_types=1);

use PHPUnit\Framework\TestCase;
use Pushd\Platform\Token\ForceBudget;
use Pushd\Platform\Token\Record;
use Pushd\Platform\Token\Unavailable;

final class ForceBudgetTest extends TestCase
{
    private const NOON = 1800000000 - 1800000000 % 86400 + 4 * 3600; // in Beijing

    /** When it is refused, the seconds after which it is worth another try; else 0. */
    private function spend(Record $record, int $now): int
    {
        try {
            ForceBudget::spend($record, $now);
            return 0;
        } catch (Unavailable $e) {
            return $e->retryAfter;
        }
    }

    public function testThirtySecondsApart(): void
    {
        $record = new Record('wx1');
        self::assertSame(0, $this->spend($record, self::NOON));
        self::assertSame(10, $this->spend($record, self::NOON + 20));
        self::assertSame(0, $this->spend($record, self::NOON + 30));
        $record->forcedAt = self::NOON + 9999; // by a clock that was ahead
        self::assertSame(0, $this->spend($record, self::NOON + 31));
        self::assertSame(3, $record->forceCount);
    }

    public function testTwentyADay(): void
    {
        $record = new Record('wx1');
        for ($i = 0; $i < 20; $i++) {
            self::assertSame(0, $this->spend($record, self::NOON + 30 * $i));
        }
        self::assertSame(12 * 3600 - 600, $this->spend($record, self::NOON + 600), 'until midnight in Beijing');
        self::assertSame(0, $this->spend($record, self::NOON + 12 * 3600));
        self::assertSame(1, $record->forceCount);
    }
}
