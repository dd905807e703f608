<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Http\Posts;
use Pushd\Platform\Http\Response;
use Pushd\Platform\Token\Appid;
use Pushd\Platform\Token\Token;

/** Posts channels to pushd, several at a time. */
final class Poster
{
    const POST_SECONDS = 10; // for one POST …
    const LAST_SECONDS = 8;  // … and at the end of a run; pushd answers within them
    const BEAT_SECONDS = 2;  // for the heartbeat

    private $pushd;
    private $posts;
    private $flying = []; // by name: channels whose answer is awaited

    public function __construct(PushdClient $pushd, Posts $posts)
    {
        $this->pushd = $pushd;
        $this->posts = $posts;
    }

    /**
     * Posts one job; the run ends in so many seconds. The cached token spares pushd
     * the first question; without one pushd asks the endpoint. The secret stays here:
     * pushd does not need it.
     */
    public function post(Channel $channel, ?Token $token, int $left): void
    {
        $job = ['actid' => $channel->id, 'appid' => Appid::canonical($channel->appid)];
        if ($token !== null) {
            $job['accessToken'] = $token->value;
            $job['accessTokenExpiresIn'] = $token->secondsLeft;
        }
        $this->flying[$channel->name()] = $channel;
        $this->posts->add($channel->name(), $this->pushd->url('/v1/jobs'), $this->pushd->headers(), $job,
            max(1, min(self::POST_SECONDS, $left + self::LAST_SECONDS)));
    }

    /** Waits for answers: pairs of channel and Response. */
    public function wait(): array
    {
        $pairs = [];
        foreach ($this->posts->wait() as $name => $answer) {
            $pairs[] = [$this->flying[$name], $answer];
            unset($this->flying[$name]);
        }
        return $pairs;
    }

    /** Says whether pushd has answered. */
    public function heard(bool $answer): void
    {
        $this->posts->heard($answer);
    }

    /** May another be posted now? */
    public function ready(): bool
    {
        return $this->posts->ready();
    }

    /** Does pushd not answer at all? */
    public function dead(): bool
    {
        return $this->posts->dead();
    }

    public function inFlight(): int
    {
        return $this->posts->inFlight();
    }

    /** Tells pushd that a run has looked for what is due. Nothing else is in flight. */
    public function beat(): Response
    {
        $this->posts->add('heartbeat', $this->pushd->url('/v1/heartbeat'), $this->pushd->headers(), [], self::BEAT_SECONDS);
        do {
            $answers = $this->posts->wait();
        } while ($answers === []);
        return reset($answers);
    }
}
