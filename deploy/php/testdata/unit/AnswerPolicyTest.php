<?php
declare(strict_types=1);

use PHPUnit\Framework\TestCase;
use Pushd\Platform\Cron\AnswerPolicy;
use Pushd\Platform\Cron\Decision;
use Pushd\Platform\Cron\Runner;
use Pushd\Platform\Http\Response;

final class AnswerPolicyTest extends TestCase
{
    public function answers(): array
    {
        $job = ['id' => 'j1', 'state' => 'queued'];
        return [
            'accepted'        => [202, $job, Decision::ACCEPTED, Runner::DONE],
            'at work already' => [200, $job, Decision::ACCEPTED, Runner::DONE],
            'a page of HTML'  => [200, null, Decision::STOP, Runner::PERSON],
            'ended'           => [409, ['code' => 'job_ended'], Decision::REFUSED, Runner::DONE],
            'bad data'        => [422, ['code' => 'channel_invalid'], Decision::REFUSED, Runner::PERSON],
            'a fault'         => [500, ['code' => 'internal_error'], Decision::REFUSED, Runner::LATER],
            'a proxy\'s'      => [502, null, Decision::SILENT, Runner::LATER],
            'draining'        => [503, ['code' => 'unavailable'], Decision::PAUSE, Runner::LATER],
            'too many'        => [429, ['code' => 'too_many'], Decision::PAUSE, Runner::LATER],
            'no answer'       => [0, null, Decision::SILENT, Runner::LATER],
            'the key'         => [401, ['code' => 'unauthorized'], Decision::STOP, Runner::PERSON],
            'another server'  => [404, ['code' => 'not_found'], Decision::STOP, Runner::PERSON],
            'an odd code'     => [409, ['code' => "job\nended"], Decision::STOP, Runner::PERSON],
        ];
    }

    /** @dataProvider answers */
    public function testDecide(int $status, ?array $json, string $kind, int $exit): void
    {
        $decision = AnswerPolicy::decide(new Response($status, $json, 0));
        self::assertSame([$kind, $exit], [$decision->kind, $decision->exit]);
    }

    public function testBackOff(): void
    {
        $now = 1800000000;
        $far = $now + 100000;
        $waits = array_map(function (int $tries) use ($far, $now): int {
            return AnswerPolicy::backOff('reminder_off', $tries, $far, $now, '');
        }, [1, 2, 3, 6, 100]);
        self::assertSame([120, 240, 480, 3600, 3600], $waits);
        self::assertSame(300, AnswerPolicy::backOff('reminder_off', 9, $now + 600, $now, ''), 'half of the time to the start');
        self::assertSame(60, AnswerPolicy::backOff('reminder_off', 9, $now + 10, $now, ''));
        self::assertSame(3600, AnswerPolicy::backOff('job_ended', 9, $now + 600, $now, ''), 'only a command undoes it');
        self::assertSame(901, AnswerPolicy::backOff('brake', 1, $far, $now, gmdate(DATE_ATOM, $now + 900)));
        self::assertSame(86400, AnswerPolicy::backOff('brake', 1, $far, $now, gmdate(DATE_ATOM, $now + 900000)));
    }
}
