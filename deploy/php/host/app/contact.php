<?php
/** An account's callback: its address and token, and when WeChat last used it. */
declare(strict_types=1);

const CONTACT_EVERY = 30; // seconds between two notes of the same kind
/** The state in a word: class, text. */
const CONTACT_BADGES = ['never' => ['wait', '未接通'], 'verified' => ['wait', '已验证'], 'connected' => ['good', '已接通'], 'sealed' => ['bad', '无法识别']];

/** What is known; all zeros if nothing is. */
function contact_find(Host $host, string $appid): array
{
    $row = $host->row('SELECT token_version, get_at, event_at, sealed_at FROM host_contact WHERE appid = ?', [$appid]);
    return array_map('intval', $row ?? ['token_version' => 0, 'get_at' => 0, 'event_at' => 0, 'sealed_at' => 0]);
}

/**
 * The token of an account's callback. It is derived, not stored: a signature is
 * checked before the database is touched, and pushd can check it as well (see
 * 'callback_secret'). Version 0 is in no address.
 */
function callback_token(Host $host, string $appid, int $version = 0): string
{
    $secret = $host->config['callback_secret'] !== '' ? $host->config['callback_secret'] : $host->config['host_secret'];
    return Pushd\Platform\Callback\Signature::token($secret, $appid, $version);
}

/** What the owner enters in WeChat's console, and how the connection stands. */
function contact_card(Host $host, string $appid): array
{
    $contact = contact_find($host, $appid);
    $version = $contact['token_version'];
    $state = contact_state($contact);
    $last = max($contact['event_at'], $contact['get_at']);
    $words = [
        'never'     => $version > 0 ? '新的令牌尚未接通：微信还没有用它请求过' : '尚未接通：还没有收到微信的请求',
        'verified'  => '地址已通过微信验证，还没有收到事件',
        'connected' => '已接通',
        'sealed'    => '收到的是加密消息，无法识别：请在公众平台把“消息加解密方式”改为明文模式',
    ];
    return [
        'url'      => $host->config['base_url'] . '/wechat/callback?appid=' . rawurlencode($appid) . ($version > 0 ? "&v=$version" : ''),
        'token'    => callback_token($host, $appid, $version),
        'state'    => $state,
        'badge'    => CONTACT_BADGES[$state],
        'text'     => $words[$state] . ($last > 0 ? '（最近一次 ' . $host->clock($last, 'm月d日 H:i') . '）' : ''),
        'last_get'   => $contact['get_at'],
        'last_event' => $contact['event_at'],
    ];
}

function contact_state(array $contact): string
{
    if ($contact['sealed_at'] > $contact['event_at']) {
        return 'sealed';
    }
    if ($contact['event_at'] > 0) {
        return 'connected';
    }
    return $contact['get_at'] > 0 ? 'verified' : 'never';
}

/** Another token for this account alone; callbacks signed with the old one are refused from now on. */
function contact_renew(Host $host, string $appid): array
{
    $host->unlessTwice('INSERT INTO host_contact (appid) VALUES (?)', [$appid]);
    $host->query('UPDATE host_contact SET token_version = token_version + 1, get_at = 0, event_at = 0, sealed_at = 0 WHERE appid = ?', [$appid]);
    return contact_card($host, $appid);
}

/** Stops a callback that is signed with a token of before. */
function contact_check(array $contact, int $version): void
{
    if ($version !== $contact['token_version']) {
        throw new Refusal(403, 'renewed', 'the token of this account was renewed: enter address and token of the settings page in WeChat\'s console');
    }
}

/** Notes that WeChat called: $what is get_at, event_at or sealed_at. Often called, seldom written. */
function contact_note(Host $host, string $appid, array $contact, string $what): void
{
    $now = follow_seconds($host);
    if ($contact[$what] > $now - CONTACT_EVERY && $contact[$what] <= $now) {
        return;
    }
    $host->unlessTwice('INSERT INTO host_contact (appid) VALUES (?)', [$appid]);
    $host->query("UPDATE host_contact SET $what = ? WHERE appid = ? AND token_version = ?", [$now, $appid, $contact['token_version']]);
}
