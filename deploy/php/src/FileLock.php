<?php
declare(strict_types=1);

namespace Pushd\Platform;

/** A lock among the processes of one machine: flock on a file, which holds since when. When the process dies it is free. */
final class FileLock
{
    private $file;

    private function __construct($file)
    {
        $this->file = $file;
    }

    /** Takes it, waiting at most so many seconds; null if it was not free in time. */
    public static function take(string $path, int $wait): ?self
    {
        $file = is_link($path) ? false : @fopen($path, 'c'); // whoever may write a link there could have any file emptied
        if ($file === false) {
            throw new ConfigError("cannot open the lock file $path" . self::why($path));
        }
        $until = microtime(true) + $wait;
        while (!flock($file, LOCK_EX | LOCK_NB)) {
            if (microtime(true) >= $until) {
                return null;
            }
            usleep(20000);
        }
        ftruncate($file, 0);
        fwrite($file, (string) time()); // since when, for the one who waits
        fflush($file);
        return new self($file);
    }

    /** How many seconds it has been held, as its holder wrote; 0 = unknown. */
    public static function age(string $path): int
    {
        $since = (int) @file_get_contents($path);
        return $since > 0 ? max(0, time() - $since) : 0;
    }

    public function release(): void
    {
        flock($this->file, LOCK_UN);
    }

    private static function why(string $path): string
    {
        if (is_link($path)) {
            return ', which is a symbolic link: remove it, or set lock_file';
        }
        $owner = @fileowner($path);
        if ($owner === false || is_dir($path)) {
            return '';
        }
        $names = function_exists('posix_getpwuid') ? posix_getpwuid($owner) : false;
        return ', which belongs to ' . ($names['name'] ?? "user $owner") . ': run cron always as the same user, and remove the file, or set lock_file';
    }
}
