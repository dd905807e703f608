<?php
/** Requests and answers. */
declare(strict_types=1);

const HTTP_MAX_BODY = 65536;

/** Text for HTML, in an element or in a quoted attribute. */
function h($text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

/** Something for a script, in a quoted attribute. */
function json_attribute($value): string
{
    return json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR);
}

/** The body of a request to an interface: one JSON object. */
function http_json(): array
{
    $type = strtolower(trim(explode(';', (string) ($_SERVER['CONTENT_TYPE'] ?? ''))[0]));
    if ($type !== 'application/json') {
        throw new Refusal(415, 'media_type', '请求内容必须是 JSON（Content-Type: application/json）');
    }
    $text = (string) file_get_contents('php://input', false, null, 0, HTTP_MAX_BODY + 1);
    if (strlen($text) > HTTP_MAX_BODY) {
        throw new Refusal(413, 'too_large', '请求内容超过 64 KB');
    }
    $value = json_decode($text, false, 16);
    if (!$value instanceof stdClass) {
        throw new Refusal(400, 'malformed', '请求内容不是 JSON 对象');
    }
    return json_decode($text, true, 16);
}

/** A whole number of the query. */
function http_number(string $name): int
{
    $value = $_GET[$name] ?? '';
    if (!is_string($value) || !preg_match('/^\d{1,19}$/D', $value) || (string) (int) $value !== $value) {
        throw new Refusal(422, 'invalid', "参数 $name 必须是整数", $name);
    }
    return (int) $value;
}

function http_answer(array $body, int $status = 200): void
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    echo json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR);
}

function http_refuse(Refusal $r): void
{
    http_answer(['code' => $r->name, 'message' => $r->getMessage(), 'field' => $r->field], $r->status);
}

/** Shows views/$name.php inside the layout. In it $v is what is given here. */
function http_page(Host $host, string $name, array $v, int $status = 200): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    $v += ['title' => '', 'owner' => null, 'csrf' => '', 'view' => $name, 'scripts' => [], 'base' => $host->config['base_url']];
    ob_start(); // a view that fails must not leave half a page behind
    try {
        require __DIR__ . '/../views/layout.php';
    } catch (Throwable $e) {
        ob_end_clean();
        throw $e;
    }
    ob_end_flush();
}

/** The address of a script or a style sheet: another one after each change, so that browsers may keep it. */
function http_asset(string $name): string
{
    return "/assets/$name?v=" . dechex((int) @filemtime(__DIR__ . "/../assets/$name"));
}

function http_redirect(string $path): void
{
    header('Location: ' . $path, true, 303);
}

/** What browsers are told to refuse. Pictures may also come from WeChat. */
function http_headers(Host $host): void
{
    $qr = preg_match('#^https?://[A-Za-z0-9.:\[\]-]+#', $host->config['qr_url'], $m) ? $m[0] : '';
    header("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        . "img-src 'self' data: $qr; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: same-origin');
}

/** Does the browser speak HTTPS with us, or with the proxy in front of us? */
function http_secure(Host $host): bool
{
    if (!in_array(strtolower((string) ($_SERVER['HTTPS'] ?? '')), ['', 'off'], true)) {
        return true;
    }
    $public = parse_url($host->config['base_url']);
    return ($public['scheme'] ?? '') === 'https'
        && strcasecmp($public['host'] ?? '', (string) preg_replace('/:\d+$/', '', (string) ($_SERVER['HTTP_HOST'] ?? ''))) === 0;
}
