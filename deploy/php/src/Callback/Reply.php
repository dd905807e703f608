<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

/** What WeChat is answered. */
final class Reply
{
    public $status;
    public $body;
    public $headers;

    public function __construct(int $status, string $body, string $type = 'text/plain')
    {
        $this->status = $status;
        $this->body = $body;
        $this->headers = ['Content-Type' => "$type; charset=utf-8", 'X-Content-Type-Options' => 'nosniff'];
    }
}
