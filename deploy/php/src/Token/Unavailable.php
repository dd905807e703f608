<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** There is no token. The code is the HTTP status to answer; the text holds no secret. */
final class Unavailable extends \Exception
{
    /** Seconds until asking again can help; 0 = unknown. */
    public $retryAfter = 0;
    /** What WeChat gave as the reason; 0 = nothing. */
    public $errcode = 0;
    /** The same in WeChat's words, ASCII, without what to do about it. */
    public $errmsg = '';
    /** Further headers of the answer, by name. */
    public $headers = [];

    /** One that asking again after some seconds can help. */
    public static function for(string $text, int $status, int $retryAfter): self
    {
        $error = new self($text, $status);
        $error->retryAfter = $retryAfter;
        return $error;
    }

    /** What WeChat said in place of a token; code 0: nothing that is of use. */
    public static function refused(int $code, string $text): self
    {
        // What is to be done stands behind it, and must not be cut off.
        $text = substr(preg_replace('/[^\x20-\x7e]/', '?', $text), 0, 200);
        $error = new self($code !== 0
            ? "WeChat refused: errcode $code $text" . Hints::of($code)
            : "WeChat gave no usable answer: $text", 502);
        $error->errcode = $code;
        $error->errmsg = $text;
        return $error;
    }
}
