<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/**
 * The places of this machine for requests that wait for WeChat. PHP's workers are
 * shared with the platform's pages: whoever finds no place is asked to come again,
 * in place of taking one more worker. When the process dies the place is free.
 */
final class Places
{
    private $number;

    public function __construct(int $number)
    {
        $this->number = $number;
    }

    /** Takes one and returns the function that gives it back. Throws Unavailable. */
    public function take(): callable
    {
        $user = function_exists('posix_geteuid') ? posix_geteuid() : 0;
        $first = random_int(0, $this->number - 1);
        for ($i = 0; $i < $this->number; $i++) {
            $name = sprintf('pushd-token-%s-%d-%d.lock', md5(dirname(__DIR__, 2)), $user, ($first + $i) % $this->number);
            $file = @fopen(sys_get_temp_dir() . '/' . $name, 'c');
            if ($file === false || flock($file, LOCK_EX | LOCK_NB)) {
                return function () use ($file) { // without a directory for locks there is no limit
                    if ($file !== false) {
                        flock($file, LOCK_UN);
                    }
                };
            }
            fclose($file);
        }
        throw Unavailable::for("{$this->number} requests wait for WeChat here already (token_parallel); ask again", 429, 1);
    }
}
