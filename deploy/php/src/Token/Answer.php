<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** What the endpoint answers: JSON that no cache may keep. */
final class Answer
{
    public $status;
    public $headers;
    public $body;

    public function __construct(int $status, array $body, array $headers = [])
    {
        $this->status = $status;
        $this->body = $body;
        $this->headers = ['Cache-Control' => 'no-store'] + $headers;
    }

    /** Sends it, where there is no framework. */
    public function send(): void
    {
        http_response_code($this->status);
        header('Content-Type: application/json; charset=utf-8');
        foreach ($this->headers as $name => $value) {
            header("$name: $value");
        }
        echo $this->json();
    }

    /** The body as it is sent. */
    public function json(): string
    {
        return json_encode($this->body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n";
    }
}
