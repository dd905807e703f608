<?php
// What the recipes need of Laravel and of ThinkPHP, as far as they need it, and
// a router for "php -S" that runs the recipe in the file RECIPE for each request.
namespace Illuminate\Http {
    class Bag
    {
        private $all;

        public function __construct(array $all)
        {
            $this->all = $all;
        }

        public function all(): array
        {
            return $this->all;
        }
    }

    class Request
    {
        public $server;
        public $query;

        public function __construct()
        {
            $this->server = new Bag($_SERVER);
            $this->query = new Bag($_GET);
        }
    }
}

namespace Illuminate\Support\Facades {
    class Route extends \Routes
    {
    }

    class Schedule
    {
        public static function exec(string $command): self
        {
            echo $command, "\n";
            return new self();
        }

        public function __call(string $name, array $arguments): self
        {
            echo $name, ' ', implode(' ', $arguments), "\n";
            return $this;
        }
    }
}

namespace think {
    class Request
    {
        public function server(string $name = '')
        {
            return $name === '' ? $_SERVER : ($_SERVER[$name] ?? '');
        }

        public function get(string $name = '')
        {
            return $name === '' ? $_GET : ($_GET[$name] ?? null);
        }
    }
}

namespace think\facade {
    class Route extends \Routes
    {
    }
}

namespace think\console {
    class Input
    {
    }

    class Output
    {
    }

    class Command
    {
        protected function setName(string $name): self
        {
            return $this;
        }

        protected function setDescription(string $text): self
        {
            return $this;
        }

        public function run(): int
        {
            $this->configure();
            return $this->execute(new Input(), new Output());
        }
    }
}

namespace {
    class Routes
    {
        public static $handler;
        public static $request;

        public static function get(string $path, callable $handler): void
        {
            self::$handler = $handler;
            $kind = (new ReflectionFunction($handler))->getParameters()[0]->getType()->getName();
            self::$request = new $kind();
        }
    }

    /** The directory deploy/php is what a platform has as pushd/. */
    function base_path(string $path = ''): string
    {
        return preg_replace('#^pushd/#', dirname(__DIR__) . '/', $path);
    }

    function storage_path(string $path): string
    {
        return "/storage/$path";
    }

    function root_path(): string
    {
        $root = sys_get_temp_dir() . '/root/';
        @mkdir($root);
        @symlink(dirname(__DIR__), $root . 'pushd');
        return $root;
    }

    function json(array $body, int $status, array $headers): void
    {
        http_response_code($status);
        header('Content-Type: application/json');
        foreach ($headers as $name => $value) {
            header("$name: $value");
        }
        echo json_encode($body);
    }

    function response()
    {
        return new class {
            public function json(array $body, int $status, array $headers): void
            {
                json($body, $status, $headers);
            }
        };
    }

    /** The platform's own token, as an object for Laravel and as an array for ThinkPHP. */
    class Token extends ArrayObject
    {
        public $value;

        public function __construct(string $value)
        {
            parent::__construct(['value' => $value, 'left' => 7000]);
            $this->value = $value;
        }

        public function secondsLeft(): int
        {
            return 7000;
        }
    }

    /** The account wx1. It is also found in capitals, as MySQL does. */
    class Account
    {
        public $appid = 'wx1';
        private static $found;

        public static function where(string $column, $appid): self
        {
            self::$found = $column === 'appid' && is_string($appid) && strtolower($appid) === 'wx1' ? new self() : null;
            return new self();
        }

        public function first(): ?self
        {
            return self::$found;
        }

        public function find(): ?self
        {
            return self::$found;
        }

        public function accessToken(): Token
        {
            return new Token('marked-token-of-the-platform');
        }

        public function renewAccessToken(): Token
        {
            return new Token('marked-token-renewed');
        }
    }

    require getenv('RECIPE');
    if (PHP_SAPI !== 'cli') {
        (Routes::$handler)(Routes::$request);
    } elseif (class_exists('app\command\PushdCron')) {
        exit((new app\command\PushdCron())->run());
    }
}
