<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

use PDOException;
use Pushd\Platform\Config;
use Pushd\Platform\ConfigError;
use Pushd\Platform\Db\Connection;
use Pushd\Platform\Schema\TooOld;
use Throwable;

/**
 * What pushd asks for tokens (PUSHD_TOKEN_URL): a request in, an answer out, for
 * token.php and for a route of a framework.
 *
 *   GET …?appid=wx…[&actid=42][&rejected=16 hex digits]
 *   Authorization: Bearer <PUSHD_TOKEN_KEY>   or   X-Pushd-Key: <the same>
 */
final class Endpoint
{
    private $keys;
    private $source;

    /** $keys: the setting token_key. $source makes the Source, once the request is known to be pushd's. */
    public function __construct(string $keys, callable $source)
    {
        $this->keys = $keys;
        $this->source = $source;
    }

    /**
     * Answers a request, by what there is of $_SERVER and $_GET, with the settings of
     * an installation without a framework. $source: where the platform keeps tokens
     * itself.
     */
    public static function fromSettings(array $server, array $query, ?Source $source = null): Answer
    {
        return self::guarded(function () use ($source): self {
            return self::of(Config::load(), $source);
        }, $server, $query);
    }

    /** The endpoint of some settings. */
    public static function of(Config $config, ?Source $source = null): self
    {
        return new self($config->get('token_key'), function () use ($config, $source): Source {
            return $source ?? Provider::ofDatabase($config, Connection::open($config));
        });
    }

    /**
     * Answers a request, by what there is of $_SERVER and $_GET. $endpoint makes the
     * endpoint; if that fails, it is answered, too.
     */
    public static function guarded(callable $endpoint, array $server, array $query): Answer
    {
        return self::guard(function () use ($endpoint, $server, $query): Token {
            return $endpoint()->token($server, $query);
        });
    }

    /** Answers with a token, or with what is thrown in its place. */
    private static function guard(callable $token): Answer
    {
        try {
            return new Answer(200, $token()->toArray());
        } catch (Unavailable $e) {
            $headers = $e->headers + ($e->retryAfter > 0 ? ['Retry-After' => (string) $e->retryAfter] : []);
            return new Answer($e->getCode(), ['code' => $e->errcode !== 0 ? $e->errcode : 1, 'msg' => $e->getMessage()], $headers);
        } catch (ConfigError $e) {
            return self::failed(500, 'settings: ' . $e->outside, $e); // no key has been shown yet
        } catch (TooOld $e) {
            return self::failed(500, 'the tables of the token endpoint are older than its files: run php migrate.php', $e);
        } catch (PDOException $e) {
            return self::failed(503, 'the database of the token endpoint does not answer; see the error log of PHP', $e);
        } catch (Throwable $e) {
            return self::failed(500, 'the token endpoint failed; see the error log of PHP', $e);
        }
    }

    private static function failed(int $status, string $text, Throwable $e): Answer
    {
        error_log('pushd token endpoint: ' . $e->getMessage());
        return new Answer($status, ['code' => 1, 'msg' => $text]);
    }

    private function token(array $server, array $query): Token
    {
        if (trim($this->keys, ', ') === '') {
            throw new ConfigError('token_key is not set'); // no key would leave the endpoint open
        }
        if (($server['REQUEST_METHOD'] ?? '') !== 'GET') {
            $error = new Unavailable('use GET', 405);
            $error->headers = ['Allow' => 'GET'];
            throw $error;
        }
        if (!$this->authorized($server)) {
            throw new Unavailable('wrong or missing key: PUSHD_TOKEN_KEY must be the same here and in pushd', 401);
        }
        $appid = $query['appid'] ?? '';
        if (!is_string($appid) || !Appid::isValid($appid)) {
            throw new Unavailable('appid is missing or malformed', 400);
        }
        $rejected = $query['rejected'] ?? '';
        if (!is_string($rejected) || !preg_match('/^([0-9a-f]{16})?$/D', $rejected)) {
            throw new Unavailable('rejected must be 16 hex digits', 400);
        }
        // actid is not needed: on this platform an appid has one secret.
        return ($this->source)()->token($appid, $rejected);
    }

    /** Does the request carry one of the keys? Apache tends to drop Authorization. */
    private function authorized(array $server): bool
    {
        $given = [(string) ($server['HTTP_X_PUSHD_KEY'] ?? '')];
        foreach (['HTTP_AUTHORIZATION', 'REDIRECT_HTTP_AUTHORIZATION'] as $name) {
            if (preg_match('/^Bearer +(\S+)$/i', (string) ($server[$name] ?? ''), $m)) {
                $given[] = $m[1];
            }
        }
        $ok = false;
        foreach (array_filter(array_map('trim', explode(',', $this->keys)), 'strlen') as $key) {
            foreach ($given as $try) {
                $ok = hash_equals($key, $try) || $ok;
            }
        }
        return $ok;
    }
}
