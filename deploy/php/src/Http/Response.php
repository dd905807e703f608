<?php
declare(strict_types=1);

namespace Pushd\Platform\Http;

/** What came of a request. */
final class Response
{
    /** HTTP status, 0 if there was no answer. */
    public $status;
    /** The decoded object, null if it is not one. */
    public $json;
    /** Seconds that the server asked to wait, 0 if it did not. */
    public $retryAfter;
    /** Why there was no answer. */
    public $error;

    public function __construct(int $status, ?array $json, int $retryAfter = 0, string $error = '')
    {
        $this->status = $status;
        $this->json = $json;
        $this->retryAfter = $retryAfter;
        $this->error = $error;
    }

    public static function failed(string $error): self
    {
        return new self(0, null, 0, $error);
    }

    /** A member of the answer that is a text; '' if there is none. */
    public function text(string $name): string
    {
        return is_string($this->json[$name] ?? null) ? $this->json[$name] : '';
    }
}
