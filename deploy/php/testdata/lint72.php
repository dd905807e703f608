<?php
/**
 * Finds what PHP 7.2 would not accept, for machines that have only a newer
 * php: it goes through the tokens of each file named on the command line (or
 * of standard input) and prints "file:line: what" for each construct or
 * function that came later. Exit code 1 if there is any. It errs on the side
 * of complaining.
 */
declare(strict_types=1);

const NEWER_FUNCTIONS = '
    array_key_first array_key_last is_countable hrtime net_get_interfaces gc_status openssl_x509_verify
    mb_str_split password_algos get_mangled_object_vars openssl_cms_encrypt pcntl_unshare
    str_contains str_starts_with str_ends_with get_debug_type get_resource_id fdiv preg_last_error_msg
    array_is_list fsync fdatasync enum_exists
    memory_reset_peak_usage curl_upkeep ini_parse_quantity mysqli_execute_query openssl_cipher_key_length
    json_validate mb_str_pad str_increment str_decrement stream_context_set_options
    array_find array_find_key array_any array_all mb_trim mb_ltrim mb_rtrim mb_ucfirst mb_lcfirst
    request_parse_body fpow http_get_last_response_headers http_clear_last_response_headers array_first array_last';

const NEWER_NAMES = '
    JSON_THROW_ON_ERROR JsonException WeakReference WeakMap Stringable ValueError UnhandledMatchError CurlHandle
    CurlMultiHandle PhpToken Attribute Fiber BackedEnum UnitEnum CompileError CURLINFO_SCHEME
    PASSWORD_ARGON2ID';

final class Lint
{
    private $tokens = [];
    private $found = [];
    private $name;

    public function __construct(string $name, string $code)
    {
        $this->name = $name;
        $line = 1;
        foreach (token_get_all($code) as $token) {
            $t = is_array($token) ? $token : [$token, $token, $line];
            $line = $t[2] + substr_count($t[1], "\n");
            if (!in_array($t[0], [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT], true)) {
                $this->tokens[] = $t;
            }
        }
    }

    public function run(): array
    {
        $this->simple();
        $this->brackets();
        $this->members();
        return $this->found;
    }

    private function report(int $i, string $what): void
    {
        $this->found[] = $this->name . ':' . $this->tokens[$i][2] . ': ' . $what;
    }

    private function is(int $i, array $kinds): bool
    {
        return isset($this->tokens[$i]) && in_array($this->tokens[$i][0], $kinds, true);
    }

    /** What one token, with its neighbours, tells. */
    private function simple(): void
    {
        $words = ['fn' => 'arrow function (7.4)', 'match' => 'match (8.0)', 'enum' => 'enum (8.1)', 'readonly' => 'readonly (8.1)',
            'mixed' => 'mixed (8.0)', 'never' => 'never (8.1)'];
        $texts = ['??=' => '??= (7.4)', '?->' => '?-> (8.0)', '#[' => 'attribute (8.0)', '|>' => '|> (8.5)'];
        $functions = preg_split('/\s+/', trim(NEWER_FUNCTIONS));
        $names = preg_split('/\s+/', trim(NEWER_NAMES));
        foreach ($this->tokens as $i => $t) {
            $text = $t[1];
            $lower = strtolower($text);
            $isString = in_array($t[0], [T_CONSTANT_ENCAPSED_STRING, T_ENCAPSED_AND_WHITESPACE, T_INLINE_HTML, T_VARIABLE], true);
            $member = $this->is($i - 1, [T_OBJECT_OPERATOR, T_DOUBLE_COLON, T_FUNCTION, T_CONST]);
            if ($isString) {
                continue;
            }
            if (isset($texts[$text])) {
                $this->report($i, $texts[$text]);
            }
            if (isset($words[$lower]) && !$member) {
                $this->report($i, $words[$lower]);
            }
            if (!$member && in_array(ltrim($lower, '\\'), $functions, true)) {
                $this->report($i, "$text() is newer than 7.2");
            }
            if (!$member && in_array(ltrim($text, '\\'), $names, true)) {
                $this->report($i, "$text is newer than 7.2");
            }
            if ($this->is($i, [T_LNUMBER, T_DNUMBER]) && preg_match('/_|^0o/i', $text)) {
                $this->report($i, 'number with _ or 0o (7.4, 8.1)');
            }
            if ($this->is($i, [T_END_HEREDOC]) && preg_match('/^\s/', $text)) {
                $this->report($i, 'indented end of heredoc (7.3)');
            }
            if ($this->is($i, [T_THROW]) && !$this->is($i - 1, [';', '{', '}', ':', ')', T_ELSE, T_OPEN_TAG])) {
                $this->report($i, 'throw as an expression (8.0)');
            }
            if ($this->is($i, [T_CLASS]) && $this->is($i - 1, [T_DOUBLE_COLON]) && $this->is($i - 2, [T_VARIABLE, ')', ']'])) {
                $this->report($i, '$object::class (8.0)');
            }
            if ($this->is($i, [T_CATCH]) && !$this->is($this->closing($i + 1) - 1, [T_VARIABLE])) {
                $this->report($i, 'catch without a variable (8.0)');
            }
        }
    }

    /** The index of the bracket that closes the one at $i. */
    private function closing(int $i): int
    {
        $depth = 0;
        for ($n = count($this->tokens); $i < $n; $i++) {
            $depth += $this->is($i, ['(']) ? 1 : ($this->is($i, [')']) ? -1 : 0);
            if ($depth === 0) {
                break;
            }
        }
        return $i;
    }

    /** Commas before ), spread, named arguments, f(...). */
    private function brackets(): void
    {
        $open = [];
        foreach ($this->tokens as $i => $t) {
            if ($this->is($i, ['(', '[', '{', T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES])) {
                $open[] = $i;
            }
            $in = $open ? end($open) : -1;
            if ($this->is($i, [')']) && $this->is($i - 1, [',']) && !$this->is($in - 1, [T_ARRAY, T_LIST])) {
                $this->report($i, 'comma before ) (7.3, 8.0)');
            }
            if ($this->is($i, [T_ELLIPSIS]) && $this->is($in, ['['])) {
                $this->report($i, 'spread in an array (7.4)');
            }
            if ($this->is($i, [T_ELLIPSIS]) && $this->is($i + 1, [')'])) {
                $this->report($i, 'f(...) (8.1)');
            }
            if ($this->is($i, [':']) && $this->is($i - 2, ['(', ',']) && $in === $this->before($i, $in)
                && preg_match('/^[a-z_]\w*$/i', $this->tokens[$i - 1][1])) {
                $this->report($i, 'named argument (8.0)');
            }
            if ($this->is($i, [')', ']', '}'])) {
                array_pop($open);
            }
        }
    }

    /** $in, if it is a ( before $i. */
    private function before(int $i, int $in): int
    {
        return $in >= 0 && $in < $i && $this->is($in, ['(']) ? $in : -2;
    }

    /** Typed properties and constants, promotion, unions, static as a type. */
    private function members(): void
    {
        $modifiers = [T_PUBLIC, T_PROTECTED, T_PRIVATE, T_VAR, T_STATIC, T_ABSTRACT, T_FINAL];
        foreach ($this->tokens as $i => $t) {
            if ($this->is($i, [T_PUBLIC, T_PROTECTED, T_PRIVATE, T_VAR])
                && !$this->is($i + 1, array_merge($modifiers, [T_VARIABLE, T_FUNCTION, T_CONST]))) {
                $this->report($i, 'typed property (7.4)');
            }
            if ($this->is($i, [T_STATIC]) && $this->is($i - 1, [T_PUBLIC, T_PROTECTED, T_PRIVATE])
                && !$this->is($i + 1, [T_VARIABLE, T_FUNCTION])) {
                $this->report($i, 'typed property (7.4)');
            }
            if ($this->is($i, [T_CONST]) && $this->is($i + 2, [T_STRING])) {
                $this->report($i, 'typed constant (8.3)');
            }
            if ($this->is($i, [T_FUNCTION])) {
                $this->signature($i);
            }
        }
    }

    /** The part of a function from its name to its body. */
    private function signature(int $i): void
    {
        for ($n = count($this->tokens); $i < $n && !$this->is($i, ['{', ';']); $i++) {
            if ($this->is($i, ['|', '&']) || $this->tokens[$i][1] === '&') {
                if ($this->tokens[$i][1] === '|' || !$this->is($i + 1, [T_VARIABLE, T_ELLIPSIS, T_STRING, '('])
                    || $this->is($i + 1, [T_STRING]) && !$this->is($i - 1, [T_FUNCTION])) {
                    $this->report($i, 'union or intersection type (8.0)');
                }
            }
            if ($this->is($i, [T_PUBLIC, T_PROTECTED, T_PRIVATE])) {
                $this->report($i, 'constructor promotion (8.0)');
            }
            if ($this->is($i, [T_STATIC]) || $this->is($i, [T_NEW])) {
                $this->report($i, 'static or new in a signature (8.0, 8.1)');
            }
            if (in_array(strtolower($this->tokens[$i][1]), ['false', 'true', 'null'], true)
                && ($this->is($i - 1, [':', '?']) || $this->is($i + 1, [T_VARIABLE]))) {
                $this->report($i, $this->tokens[$i][1] . ' as a type (8.0)');
            }
        }
    }
}

$bad = [];
foreach (array_slice($argv, 1) ?: ['php://stdin'] as $file) {
    $bad = array_merge($bad, (new Lint($file, file_get_contents($file)))->run());
}
foreach ($bad as $line) {
    echo $line, "\n";
}
exit($bad ? 1 : 0);
