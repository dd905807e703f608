<?php
declare(strict_types=1);

namespace Pushd\Platform;

/**
 * What the platform calls its tables and columns. SQL names them in braces:
 * {activity} is a table, {activity.start_time} a column without its table. The
 * setting "tables" maps those that differ, and "prefix" stands before every table
 * that it does not name:
 *
 *     'tables' => ['prefix' => 'lv_', 'activity' => 'live_room', 'activity.start_time' => 'begin_at'],
 */
final class Tables
{
    /** The tables that pushd's PHP side knows, and the columns of those that are the platform's. */
    private const KNOWN = [
        'activity'          => ['id', 'uin', 'title', 'start_time', 'watch_url'],
        'activity_detail'   => ['act_id', 'content', 'live_notify', 'live_notify_time', 'live_notify_status', 'audience'],
        'user'              => ['uin', 'edition'],
        'user_wx_account'   => ['uin', 'appid', 'app_secret'],
        'user_wx_config'    => ['uin', 'act_live_template_id', 'status'],
        'host_subscriber'   => ['act_id', 'openid', 'left_at'],
        'wx_access_token'   => [],
        'pushd_php_attempt' => [],
        'pushd_php_lock'    => [],
        'pushd_php_schema'  => [],
        'host_callback'     => [],
        'host_consent'      => [],
        'host_receipt'      => [],
        'host_follow'       => [],
        'host_qrcode'       => [],
        'host_trial'        => [],
    ];

    private const PLATFORMS = 5; // of KNOWN the first five are the platform's

    /** Tables that migrations make, also those of the sample host. */
    private const OURS = '(?:wx_access_token|pushd_php_\w+|host_\w+)';

    private $names;
    private $prefix;

    public function __construct(array $names = [])
    {
        foreach ($names as $key => $name) {
            list($table, $column) = explode('.', $key . '.');
            $known = $key === 'prefix' || preg_match('/^' . self::OURS . '$/D', $key)
                || isset(self::KNOWN[$table]) && ($column === '' || in_array($column, self::KNOWN[$table], true));
            if (!$known) {
                throw new ConfigError("tables: unknown name '$key'");
            }
            // Between backquotes of a query nothing but a name belongs.
            if (!is_string($name) || !preg_match($key === 'prefix' ? '/^\w*$/D' : '/^\w+(\.\w+)?$/D', $name)) {
                throw new ConfigError("tables: '$key' is no name of a table or column");
            }
        }
        $this->prefix = $names['prefix'] ?? '';
        $this->names = $names;
    }

    /** The name of a table. */
    public function table(string $table): string
    {
        return $this->names[$table] ?? $this->prefix . $table;
    }

    /** The name of a column. */
    public function column(string $table, string $column): string
    {
        return $this->names["$table.$column"] ?? $column;
    }

    /**
     * A SELECT for each table of the platform that reads no row, and fails where a name
     * is wrong. Not all tables have the column audience: owners of those choose none.
     */
    public function probes(): array
    {
        $probes = [];
        foreach (array_slice(self::KNOWN, 0, self::PLATFORMS, true) as $table => $columns) {
            $list = array_map(function (string $column) use ($table): string {
                return "{{$table}.$column}";
            }, array_diff($columns, ['audience']));
            $probes[$table] = 'SELECT ' . implode(', ', $list) . " FROM {{$table}} WHERE 1 = 0";
        }
        return $probes;
    }

    /** What a column is called here that the database names, for example in an error. */
    public function known(string $column): string
    {
        foreach ($this->names as $key => $name) {
            if ($name === $column && strpos($key, '.') !== false) {
                return explode('.', $key)[1];
            }
        }
        return $column;
    }

    /** SQL with the names in braces replaced. A name of the platform's is quoted: it may be a word of SQL. */
    public function sql(string $sql): string
    {
        return preg_replace_callback('/(`?)\{(\w+)(?:\.(\w+))?\}\1/', function (array $m): string {
            list($all, $quote, $table) = $m;
            if (!isset(self::KNOWN[$table])) {
                return $all;
            }
            $name = isset($m[3]) ? $this->column($table, $m[3]) : $this->table($table);
            $own = isset($this->names[isset($m[3]) ? "$table.$m[3]" : $table]);
            return $own || $quote !== '' ? '`' . str_replace('.', '`.`', $name) . '`' : $name;
        }, $sql);
    }

    /** SQL that names tables of migrations as they are called by default: that of the migrations, of the sample host. */
    public function plain(string $sql): string
    {
        if ($this->names === []) {
            return $sql;
        }
        return preg_replace_callback('/\b((?:TABLE|EXISTS|ON|INTO|UPDATE|FROM|JOIN)\s+)(' . self::OURS . ')\b/i', function (array $m): string {
            return $m[1] . $this->table($m[2]);
        }, $sql);
    }

    /** Does a text name a table of the PHP side? */
    public function names(string $text): bool
    {
        if (preg_match('/\b' . preg_quote($this->prefix, '/') . self::OURS . '\b/', $text)) {
            return true;
        }
        foreach ($this->names as $key => $name) {
            if (preg_match('/^' . self::OURS . '$/D', $key) && preg_match('/\b' . preg_quote($name, '/') . '\b/', $text)) {
                return true;
            }
        }
        return false;
    }
}
