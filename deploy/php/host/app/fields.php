<?php
/** Reads the fields of a request; what is wrong is named, with its label. */
declare(strict_types=1);

final class Fields
{
    private $body;
    private $labels;

    /** $labels: field => what people call it. Other fields are refused. */
    public function __construct(array $body, array $labels)
    {
        foreach ($body as $name => $value) {
            if (!isset($labels[$name])) {
                $this->refuse((string) $name, '未知字段 ' . substr((string) $name, 0, 40));
            }
        }
        $this->body = $body;
        $this->labels = $labels;
    }

    public function has(string $name): bool
    {
        return isset($this->body[$name]);
    }

    /** Text of so many characters; without line breaks unless $lines. */
    public function text(string $name, int $max, bool $required, bool $lines = false): string
    {
        $label = $this->labels[$name];
        $value = $this->body[$name] ?? '';
        if (!is_string($value) || !preg_match('//u', $value)) {
            $this->refuse($name, "{$label}必须是文字");
        }
        $value = trim(str_replace("\r\n", "\n", $value));
        if ($value === '' && $required) {
            $this->refuse($name, "请填写{$label}");
        }
        if (preg_match_all('/./su', $value) > $max) {
            $this->refuse($name, "{$label}不能超过 {$max} 个字");
        }
        if (preg_match($lines ? '/[\x00-\x09\x0b-\x1f\x7f]/' : '/[\x00-\x1f\x7f]/', $value)) {
            $this->refuse($name, "{$label}中有不能使用的字符");
        }
        return $value;
    }

    public function number(string $name, int $min, int $max): int
    {
        $value = $this->body[$name] ?? null;
        if (is_string($value) && preg_match('/^-?\d{1,19}$/D', $value) && (string) (int) $value === $value) {
            $value = (int) $value;
        }
        if (!is_int($value) || $value < $min || $value > $max) {
            $this->refuse($name, "{$this->labels[$name]}必须是 {$min} 到 {$max} 之间的整数");
        }
        return $value;
    }

    public function flag(string $name): bool
    {
        $value = $this->body[$name] ?? null;
        if (!in_array($value, [true, false, 0, 1, '0', '1'], true)) {
            $this->refuse($name, "{$this->labels[$name]}只能是开或关");
        }
        return (bool) (int) $value;
    }

    /** An http or https address, or ''. */
    public function url(string $name, int $max): string
    {
        $value = $this->text($name, $max, false);
        $parts = $value === '' ? [] : parse_url($value);
        $scheme = strtolower($parts['scheme'] ?? '');
        if ($value !== '' && (!in_array($scheme, ['http', 'https'], true) || ($parts['host'] ?? '') === '' || preg_match('/\s/', $value))) {
            $this->refuse($name, "{$this->labels[$name]}必须以 http:// 或 https:// 开头");
        }
        return $value;
    }

    /** Unix seconds, or a local time such as 2026-10-01T20:00 in the zone. */
    public function moment(string $name, DateTimeZone $zone): int
    {
        $value = $this->body[$name] ?? null;
        if (is_int($value) && $value > 0 && $value < 4102444800) { // 2100
            return $value;
        }
        if (is_string($value)) {
            $at = DateTimeImmutable::createFromFormat('!Y-m-d\TH:i', $value, $zone);
            if ($at !== false && $at->format('Y-m-d\TH:i') === $value) {
                return $at->getTimestamp();
            }
        }
        $this->refuse($name, "请填写{$this->labels[$name]}，例如 2026-10-01T20:00");
    }

    /** The name of something at WeChat, such as a template. */
    public function name(string $name): string
    {
        $value = $this->text($name, 64, true);
        if (!preg_match('/^[A-Za-z0-9_-]+$/D', $value)) {
            $this->refuse($name, "{$this->labels[$name]}只能由字母、数字、“-”和“_”组成，请从公众平台完整复制");
        }
        return $value;
    }

    /** So many hex digits. */
    public function hex(string $name, int $length): string
    {
        $value = $this->text($name, $length, true);
        if (!preg_match("/^[0-9a-f]{{$length}}$/D", $value)) {
            $this->refuse($name, "{$this->labels[$name]}不正确，请刷新页面");
        }
        return $value;
    }

    /** A list of words; none where the field is absent. */
    public function names(string $name): array
    {
        $value = $this->body[$name] ?? [];
        if (!is_array($value) || count($value) > 20 || $value !== array_filter($value, 'is_string')) {
            $this->refuse($name, "{$this->labels[$name]}必须是一组名称");
        }
        return $value;
    }

    public function refuse(string $name, string $text): void
    {
        throw new Refusal(422, 'invalid', $text, $name);
    }
}
