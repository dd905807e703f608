<?php
// Runs the token route of a recipe as its framework would, and prints the status
// and what was given out. Arguments: the route's code, the key that is configured
// ("-": none is), the key of the request, the appid of the request.
declare(strict_types=1);

namespace think {
    class Request
    {
        public function header(string $name): ?string
        {
            global $argv;
            return strtolower($name) === 'x-pushd-key' && $argv[3] !== '' ? $argv[3] : null;
        }

        public function bearerToken(): ?string
        {
            return null;
        }

        public function query(string $name, ?string $default = null): ?string
        {
            return $this->get($name) ?? $default;
        }

        public function get(string $name): ?string
        {
            global $argv;
            return $name === 'appid' ? $argv[4] : null;
        }
    }
}

namespace {
    class_alias('think\Request', 'Request');

    final class Refused extends Exception
    {
    }

    function config(string $name): ?string
    {
        global $argv;
        return $argv[2] === '-' ? null : $argv[2];
    }

    function abort_if($condition, int $status, string $text = ''): void
    {
        if ($condition) {
            throw new Refused($text, $status);
        }
    }

    function abort_unless($condition, int $status, string $text = ''): void
    {
        abort_if(!$condition, $status, $text);
    }

    function json(array $body, int $status = 200): array
    {
        if ($status !== 200) {
            throw new Refused($body['msg'], $status);
        }
        return $body;
    }

    /** What the platform has: a token, as an object and as an array. */
    final class Token extends ArrayObject
    {
        public $value = 'the-token';

        public function __construct()
        {
            parent::__construct(['value' => $this->value, 'left' => 7000]);
        }

        public function secondsLeft(): int
        {
            return 7000;
        }
    }

    /** The account wx1, which the database finds by any spelling of that. */
    final class Account extends ArrayObject
    {
        public $appid = 'wx1';

        public function __construct()
        {
            parent::__construct(['appid' => $this->appid]);
        }

        public static function where(): self
        {
            return new self();
        }

        public function firstOrFail(): self
        {
            return $this;
        }

        public function findOrFail(): self
        {
            return $this;
        }

        public function accessToken(): Token
        {
            return new Token();
        }
    }

    final class Route
    {
        public static function get(string $path, Closure $route): void
        {
            try {
                $given = $route(new Request());
                echo '200 ' . $given['access_token'];
            } catch (Refused $e) {
                echo $e->getCode();
            }
        }
    }

    eval($argv[1]);
}
