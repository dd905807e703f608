<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

use Pushd\Platform\Audience\Recorder;
use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Db\DatabaseClock;
use Throwable;

/**
 * Where WeChat sends an account's events, in plain mode (明文模式), as a route of a
 * framework: a request in, a reply out. Receipts are written down for pushd, who
 * subscribes is put on record, and the platform's Listener has every other event.
 *
 *   GET or POST …?appid=wx…&signature=…&timestamp=…&nonce=…
 */
final class Endpoint
{
    /** Most bytes of a body. WeChat's are a few hundred. */
    const BYTES = 65536;

    /** One in so many events removes signatures that are over. */
    private const TIDY = 100;

    private $config;
    private $db;
    private $connection;
    private $listener;

    /** $db makes a Connection, $listener a Listener, once the request is known to be WeChat's. */
    public function __construct(Config $config, callable $db, callable $listener)
    {
        $this->config = $config;
        $this->db = $db;
        $this->listener = $listener;
    }

    /** The token that an account's owner enters in WeChat's console. */
    public function token(string $appid): string
    {
        $secret = $this->config->get('callback_secret');
        if (strlen($secret) < 32) {
            // Whoever guesses the secret can make the tokens.
            throw new ConfigError('callback_secret must have at least 32 characters');
        }
        return Signature::token($secret, $appid);
    }

    /**
     * Answers a request, by its method, its query and its body as it came. $endpoint
     * makes the endpoint; if that fails, it is answered, too.
     */
    public static function guarded(callable $endpoint, string $method, array $query, string $body): Reply
    {
        try {
            return $endpoint()->answer($method, $query, $body);
        } catch (Refused $e) {
            error_log('wechat callback: ' . $e->getMessage());
            return new Reply($e->getCode(), $e->getMessage());
        } catch (Throwable $e) {
            error_log('wechat callback: ' . $e->getMessage());
            return new Reply(500, ''); // WeChat comes again
        }
    }

    private function answer(string $method, array $query, string $body): Reply
    {
        $appid = Signature::parameter($query, 'appid', '/^[A-Za-z0-9_-]{1,64}$/D');
        $signature = Signature::check($this->token($appid), $query, time());
        if ($method === 'GET' || $method === 'HEAD') {
            $echo = Signature::parameter($query, 'echostr', '/^[\w+\/=-]{1,128}$/D');
            $this->replay()->isNew($appid, $signature); // used up, but WeChat may ask twice
            return new Reply(200, $echo);
        }
        if ($method !== 'POST' || strlen($body) > self::BYTES) {
            throw new Refused($method !== 'POST' ? 405 : 413, 'malformed', 'not a request of WeChat\'s');
        }
        return Event::isReceipt($body) ? $this->receipt($appid, $signature, $body) : $this->event($appid, $signature, $body);
    }

    /** A receipt is not worth an error at WeChat. */
    private function receipt(string $appid, string $signature, string $body): Reply
    {
        try {
            if (Receipts::wanted($this->config)) {
                $db = $this->db();
                (new Receipts($this->config, $db, new DatabaseClock($db)))->take($appid, $signature, $body);
            }
        } catch (Throwable $e) {
            error_log('receipt: ' . $e->getMessage());
        }
        return new Reply(200, 'success');
    }

    private function event(string $appid, string $signature, string $body): Reply
    {
        $event = Event::read($body);
        if ($event === null && Event::isSealed($body)) {
            error_log("wechat callback: $appid sends encrypted messages: choose plain mode (明文模式) in WeChat's console");
        }
        // In one transaction: what failed half-way is taken when it comes again.
        $text = $this->db()->transaction(function () use ($appid, $signature, $event): string {
            return $this->replay()->isNew($appid, $signature) && $event !== null ? $this->take($appid, $event) : '';
        });
        if (random_int(1, self::TIDY) === 1) {
            $this->replay()->tidy();
        }
        return $text === '' ? new Reply(200, 'success') : new Reply(200, $event->reply($text, time()), 'text/xml');
    }

    /** Puts an event on record, and returns what the platform says to it. */
    private function take(string $appid, Event $event): string
    {
        $channels = (new Recorder($this->config, $this->db(), new DatabaseClock($this->db())))->record($appid, $event);
        return ($this->listener)()->event($appid, $event, $channels);
    }

    private function replay(): Replay
    {
        return new Replay($this->db(), new DatabaseClock($this->db()));
    }

    private function db(): Connection
    {
        if ($this->connection === null) {
            $this->connection = ($this->db)();
        }
        return $this->connection;
    }
}
