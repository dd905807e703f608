<?php
declare(strict_types=1);

namespace Pushd\Platform\Http;

/**
 * Posts JSON to one server, several requests at a time, over connections that
 * stay open. As long as the server has not answered, and again when it does not
 * answer any more, one request at a time finds out.
 *
 *     $posts = new Posts(16);
 *     while (… && !$posts->dead()) {
 *         if ($posts->ready()) {
 *             $posts->add('7', $url, $headers, $body, 10);
 *             continue;
 *         }
 *         foreach ($posts->wait() as $tag => $answer) {
 *             $posts->heard($answer->status > 0);
 *         }
 *     }
 */
final class Posts
{
    const DEAD = 3;     // so many in a row without an answer: the server is gone
    const PATIENCE = 1; // seconds after which one more finds out

    private $most;
    private $caFile;
    private $multi;
    private $idle = [];     // curl handles that are not in use
    private $flying = [];   // by tag: curl handle, call
    private $unsent = [];   // by tag: answers to what could not be sent
    private $answers = false;
    private $silent = 0;    // in a row
    private $last = 0.0;    // when the last one was added

    /** $most: requests in flight. $caFile: who signed the server's certificate; '' = as php.ini says. */
    public function __construct(int $most, string $caFile = '')
    {
        $this->most = $most;
        $this->caFile = $caFile;
        $this->multi = curl_multi_init();
        curl_multi_setopt($this->multi, CURLMOPT_MAXCONNECTS, $most); // kept open
    }

    /** How many requests have had no answer yet. */
    public function inFlight(): int
    {
        return count($this->flying) + count($this->unsent);
    }

    /** May another request be added now? */
    public function ready(): bool
    {
        $flying = $this->inFlight();
        if ($flying === 0) {
            return true;
        }
        if ($this->silent >= self::DEAD || $flying >= $this->most) {
            return false;
        }
        return $this->answers || microtime(true) >= $this->last + self::PATIENCE;
    }

    /** Does the server not answer at all? Then there is no use in adding more. */
    public function dead(): bool
    {
        return $this->silent >= self::DEAD && $this->inFlight() === 0;
    }

    /** Says whether the server has answered, for ready() and dead(). */
    public function heard(bool $answer): void
    {
        $this->answers = $answer;
        $this->silent = $answer ? 0 : $this->silent + 1;
    }

    /** Sends a request. Tags of requests in flight differ. */
    public function add(string $tag, string $url, array $headers, array $body, float $timeout): void
    {
        $this->last = microtime(true);
        $curl = array_pop($this->idle) ?? $this->handle();
        $call = Call::prepare($curl, 'POST', $url, $headers, $body, $timeout);
        if ($call === null) {
            $this->idle[] = $curl;
            $this->unsent[$tag] = Response::failed(Client::NOT_UTF8);
            return;
        }
        curl_setopt($curl, CURLOPT_PRIVATE, $tag);
        $this->flying[$tag] = [$curl, $call];
        curl_multi_add_handle($this->multi, $curl);
        $this->work(); // so that it is on its way while the caller does something else
    }

    /**
     * Waits until something has come of a request, at most PATIENCE. Returns
     * responses by tag; PHP makes a number of a tag of digits.
     */
    public function wait(): array
    {
        $until = microtime(true) + self::PATIENCE;
        list($done, $this->unsent) = [$this->unsent, []];
        for (;;) {
            $this->work();
            while ($message = curl_multi_info_read($this->multi)) {
                $done += $this->finish($message['handle'], $message['result']);
            }
            $left = $until - microtime(true);
            if ($done !== [] || $this->flying === [] || $left <= 0) {
                return $done;
            }
            if (curl_multi_select($this->multi, $left) === -1) {
                usleep(1000); // curl has nothing to wait for yet
            }
        }
    }

    private function handle()
    {
        $curl = curl_init();
        if ($this->caFile !== '') {
            curl_setopt($curl, CURLOPT_CAINFO, $this->caFile);
        }
        return $curl;
    }

    /** Lets curl read and write what it can without waiting. */
    private function work(): void
    {
        do {
            $state = curl_multi_exec($this->multi, $running);
        } while ($state === CURLM_CALL_MULTI_PERFORM);
    }

    private function finish($curl, int $result): array
    {
        $tag = curl_getinfo($curl, CURLINFO_PRIVATE);
        $answer = $this->flying[$tag][1]->response($result);
        curl_multi_remove_handle($this->multi, $curl);
        unset($this->flying[$tag]);
        $this->idle[] = $curl;
        return [$tag => $answer];
    }
}
