<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** What to do about an errcode of WeChat in place of a token, in plain words. */
final class Hints
{
    private const TEXTS = [
        40164 => 'the IP address named above is not in the IP whitelist of this Official Account. '
            . 'Add the public IP of this server: 微信公众平台 → 设置与开发 → 基本配置 → IP白名单',
        89503 => 'this IP address waits for the account administrator\'s consent in WeChat (管理员确认)',
        40001 => 'the app secret is wrong or was reset (AppSecret 错误或已被重置)',
        40125 => 'the app secret is wrong or was reset (AppSecret 错误或已被重置)',
        41004 => 'the app secret is empty (AppSecret 未填写)',
        40013 => 'the appid is wrong (AppID 错误)',
        40243 => 'the app secret is frozen; thaw it in WeChat\'s console (AppSecret 已被冻结)',
        50007 => 'the account is frozen; its administrator must look into WeChat\'s console (公众号已被冻结)',
        45009 => 'the daily quota of this call is used up (当日调用次数已用完)',
        45011 => 'this call was made too often within a minute; it is made again by itself (调用过于频繁，稍后自动重试)',
    ];

    /** ". What to do: …", or ''. */
    public static function of(int $code): string
    {
        return isset(self::TEXTS[$code]) ? '. What to do: ' . self::TEXTS[$code] : '';
    }
}
