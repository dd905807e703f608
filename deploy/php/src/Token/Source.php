<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/**
 * Where access tokens come from. Provider is the one of this package; a platform
 * that keeps its tokens itself, for example with EasyWeChat, writes its own.
 */
interface Source
{
    /**
     * The token of an account. $rejected: the fingerprint of one that WeChat refused
     * and that must not be given again, or ''. Throws Unavailable.
     */
    public function token(string $appid, string $rejected = ''): Token;
}
