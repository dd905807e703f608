<?php
declare(strict_types=1);

namespace Pushd\Platform\Schema;

/**
 * One numbered file of SQL. Its statements end with a semicolon at the end of a
 * line. What stands in a MySQL comment is for MySQL alone; SQLite skips it.
 */
final class Migration
{
    private $name;
    private $file;

    private function __construct(string $name, string $file)
    {
        $this->name = $name;
        $this->file = $file;
    }

    /** The migrations of a directory, in order. Their names are "core/001_tables". */
    public static function in(string $directory, string $component): array
    {
        $all = [];
        foreach (glob($directory . '/[0-9][0-9][0-9]_*.sql') ?: [] as $file) {
            $all[] = new self($component . '/' . basename($file, '.sql'), $file);
        }
        return $all;
    }

    public function name(): string
    {
        return $this->name;
    }

    /** Which set of tables it belongs to: core or host. */
    public function component(): string
    {
        return explode('/', $this->name)[0];
    }

    /** Its statements for a driver of PDO. */
    public function statements(string $driver): array
    {
        $text = preg_replace('/--.*$/m', '', (string) file_get_contents($this->file));
        if ($driver !== 'mysql') {
            $text = preg_replace('#/\*.*?\*/#s', '', $text);
        }
        $statements = array_map('trim', preg_split('/;\s*$/m', $text));
        return array_values(array_filter($statements, 'strlen'));
    }
}
