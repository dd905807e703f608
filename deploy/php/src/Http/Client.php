<?php
declare(strict_types=1);

namespace Pushd\Platform\Http;

/** Speaks JSON over HTTP, one request at a time, over a connection that stays open. */
final class Client
{
    /** The answer to a request that JSON can't hold. */
    const NOT_UTF8 = 'the request holds text that is not UTF-8';

    private $curl;
    private $caFile;

    /** $caFile: who signed the server's certificate; '' = as php.ini says. */
    public function __construct(string $caFile = '')
    {
        $this->caFile = $caFile;
    }

    /** Never throws: see Response. A body of null is none. */
    public function call(string $method, string $url, array $headers, ?array $body, float $timeout): Response
    {
        if ($this->curl === null) {
            $this->curl = curl_init();
        }
        curl_reset($this->curl);
        if ($this->caFile !== '') {
            curl_setopt($this->curl, CURLOPT_CAINFO, $this->caFile);
        }
        $call = Call::prepare($this->curl, $method, $url, $headers, $body, $timeout);
        if ($call === null) {
            return Response::failed(self::NOT_UTF8);
        }
        return $call->response(curl_exec($this->curl) === false ? curl_errno($this->curl) : CURLE_OK);
    }

    public function post(string $url, array $headers, array $body, float $timeout): Response
    {
        return $this->call('POST', $url, $headers, $body, $timeout);
    }
}
