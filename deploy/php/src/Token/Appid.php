<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** The name of an account. */
final class Appid
{
    /**
     * The one spelling of an appid: without the blanks that came along when it was
     * pasted. pushd reads it so, too. All else counts, byte for byte, whatever the
     * database takes for the same ("wx1", "WX1", "wx1 ").
     */
    public static function canonical(string $text): string
    {
        return preg_replace('/^[\s\p{Z}\x{85}]+|[\s\p{Z}\x{85}]+$/u', '', $text) ?? trim($text);
    }

    /** Can an account be called that? */
    public static function isValid(string $appid): bool
    {
        return (bool) preg_match('/^[A-Za-z0-9_-]{1,64}$/D', $appid);
    }
}
