<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

use Pushd\Platform\Config;
use Pushd\Platform\Http\Client;
use Pushd\Platform\Http\Response;

/**
 * WeChat's stable_token. In normal mode it gives the same token again until shortly
 * before its end, so that no other system's token is taken away.
 * https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken
 */
final class StableToken
{
    private $config;

    public function __construct(Config $config)
    {
        $this->config = $config;
    }

    /** Asks WeChat, which has so many seconds to answer. Throws Unavailable. */
    public function ask(string $appid, string $secret, bool $force, float $seconds): Token
    {
        return self::read((new Client())->post($this->url(), [], self::body($appid, $secret, $force), $seconds), $secret);
    }

    /** Where WeChat is asked. */
    public function url(): string
    {
        $this->config->checkUrl('wechat_url');
        return $this->config->get('wechat_url') . '/cgi-bin/stable_token';
    }

    /** What WeChat is asked. */
    public static function body(string $appid, string $secret, bool $force): array
    {
        return ['grant_type' => 'client_credential', 'appid' => $appid, 'secret' => $secret, 'force_refresh' => $force];
    }

    /** Reads WeChat's answer. Throws Unavailable. */
    public static function read(Response $answer, string $secret): Token
    {
        $token = $answer->text('access_token');
        $seconds = (int) ($answer->json['expires_in'] ?? 0);
        if (preg_match('/^[\x21-\x7e]{1,1024}$/D', $token) && $seconds > 0) {
            return new Token($token, $seconds);
        }
        $code = is_int($answer->json['errcode'] ?? null) ? $answer->json['errcode'] : 0;
        $text = $code !== 0 ? $answer->text('errmsg') : ($answer->error !== '' ? $answer->error : 'HTTP ' . $answer->status);
        throw Unavailable::refused($code, $secret === '' ? $text : str_replace($secret, '***', $text));
    }
}
