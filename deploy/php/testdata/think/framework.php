<?php
// What the package uses of ThinkPHP 6 and 8, for tests: Debian has no ThinkPHP. It
// keeps the framework's names, arguments and order of events, and no more.
declare(strict_types=1);

namespace think {
    class App
    {
        public $config;
        public $commands = [];
        public $routes = [];
        private $bound = [];

        public function __construct(array $config)
        {
            $this->config = new Config($config);
            $this->bound[self::class] = $this;
        }

        public function bind(string $name, $concrete)
        {
            $this->bound[$name] = $concrete;
        }

        public function make(string $name)
        {
            $bound = $this->bound[$name] ?? $name;
            if (is_string($bound)) {
                $constructor = (new \ReflectionClass($bound))->getConstructor();
                $arguments = $constructor === null ? [] : array_map(function (\ReflectionParameter $p) {
                    return $this->make($p->getType()->getName());
                }, $constructor->getParameters());
                $bound = new $bound(...$arguments);
            } elseif ($bound instanceof \Closure) {
                $bound = $bound();
            }
            return $this->bound[$name] = $bound; // the framework's make() gives the same one again
        }

        public function register(string $service): void
        {
            $service = new $service($this);
            $service->register();
            $service->boot();
        }
    }

    class Config
    {
        private $values;

        public function __construct(array $values)
        {
            $this->values = $values;
        }

        public function get(string $name, $default = null)
        {
            $value = $this->values;
            foreach (explode('.', $name) as $part) {
                if (!isset($value[$part])) {
                    return $default;
                }
                $value = $value[$part];
            }
            return $value;
        }
    }

    abstract class Service
    {
        protected $app;

        public function __construct(App $app)
        {
            $this->app = $app;
        }

        protected function registerRoutes(\Closure $routes): void
        {
            $routes($this->app->make(Route::class));
        }

        protected function commands($commands): void
        {
            $this->app->commands += $commands;
        }
    }

    class Route
    {
        private $app;

        public function __construct(App $app)
        {
            $this->app = $app;
        }

        public function any(string $path, string $action): void
        {
            $this->app->routes['/' . $path] = explode('@', $action);
        }
    }

    class Request
    {
        public function server(string $name = '')
        {
            return $name === '' ? $_SERVER : ($_SERVER[$name] ?? '');
        }

        public function method(bool $origin = false): string
        {
            return $_SERVER['REQUEST_METHOD'];
        }

        public function getInput(): string
        {
            return (string) file_get_contents('php://input');
        }

        public function get($name = '')
        {
            return $name === '' ? $_GET : ($_GET[$name] ?? null);
        }
    }

    class Response
    {
        private $text;
        private $status;
        private $headers = [];

        public static function create($data = '', string $type = 'html', int $code = 200): self
        {
            $response = new self();
            list($response->text, $response->status) = [$data, $code];
            return $response;
        }

        public function header(array $headers = [])
        {
            $this->headers = array_merge($this->headers, $headers);
            return $this;
        }

        public function send(): void
        {
            http_response_code($this->status);
            foreach ($this->headers as $name => $value) {
                header("$name:$value");
            }
            echo $this->text;
        }
    }
}

namespace think\console {
    class Input
    {
        private $given;

        public function __construct(array $given)
        {
            $this->given = $given;
        }

        public function getArgument(string $name)
        {
            return array_values(preg_grep('/^[^-]/', $this->given)); // of the kind IS_ARRAY, which takes all
        }

        public function getOption(string $name)
        {
            return in_array("--$name", $this->given, true);
        }
    }

    class Output
    {
    }

    class Command
    {
        protected $app;
        private $options = [];
        private $takesArguments = false;

        public function __construct()
        {
            $this->configure();
        }

        public function setApp(\think\App $app): void
        {
            $this->app = $app;
        }

        public function setName(string $name)
        {
            return $this;
        }

        public function setDescription(string $description)
        {
            return $this;
        }

        public function addArgument(string $name, ?int $mode = null, string $description = '')
        {
            $this->takesArguments = true;
            return $this;
        }

        public function addOption(string $name, ?string $shortcut = null, ?int $mode = null, string $description = '')
        {
            $this->options[] = "--$name";
            return $this;
        }

        public function run(Input $input, Output $output, array $given): int
        {
            foreach (array_diff($this->takesArguments ? preg_grep('/^-/', $given) : $given, $this->options) as $unknown) {
                throw new \InvalidArgumentException("The $unknown option does not exist.");
            }
            return (int) $this->execute($input, $output);
        }
    }
}

namespace think\console\input {
    class Argument
    {
        const IS_ARRAY = 4;
    }

    class Option
    {
        const VALUE_NONE = 1;
    }
}
