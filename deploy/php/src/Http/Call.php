<?php
declare(strict_types=1);

namespace Pushd\Platform\Http;

/**
 * One request on a curl handle, and what comes back of it. The environment's
 * proxies are not used: a key or a token is for pushd and WeChat alone.
 */
final class Call
{
    /** Most bytes of an answer that are read. */
    const BYTES = 1048576;

    private $curl;
    private $text = '';
    private $after = '';

    private function __construct($curl)
    {
        $this->curl = $curl;
    }

    /** Makes a handle ready. Null if the body can't be JSON; a body of null is none. */
    public static function prepare($curl, string $method, string $url, array $headers, ?array $body, float $timeout): ?self
    {
        $payload = $body === null ? '' : json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        if ($payload === false) {
            return null;
        }
        $call = new self($curl);
        $headers[] = 'Expect:'; // no "100 Continue" round trip
        if ($body !== null) {
            $headers[] = 'Content-Type: application/json';
            curl_setopt($curl, CURLOPT_POSTFIELDS, $payload);
        }
        curl_setopt_array($curl, [
            CURLOPT_URL            => $url,
            CURLOPT_CUSTOMREQUEST  => $method,
            CURLOPT_PROXY          => '',
            CURLOPT_HTTPHEADER     => $headers,
            CURLOPT_CONNECTTIMEOUT => 3,
            CURLOPT_TIMEOUT_MS     => (int) (1000 * $timeout),
            CURLOPT_WRITEFUNCTION  => function ($curl, string $piece) use ($call): int {
                $call->text .= $piece;
                return strlen($call->text) > self::BYTES ? 0 : strlen($piece);
            },
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use ($call): int {
                if (stripos($line, 'Retry-After:') === 0) {
                    $call->after = trim(substr($line, 12));
                }
                return strlen($line);
            },
        ]);
        return $call;
    }

    /** What came, if curl ended with $result. */
    public function response(int $result): Response
    {
        if ($result !== CURLE_OK) {
            $error = curl_error($this->curl);
            return Response::failed($error !== '' ? $error : (string) curl_strerror($result));
        }
        $json = json_decode($this->text, true);
        $after = ctype_digit($this->after) ? (int) $this->after : max(0, (int) strtotime($this->after) - time());
        return new Response((int) curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE), is_array($json) ? $json : null, $after);
    }
}
