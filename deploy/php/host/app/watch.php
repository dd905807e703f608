<?php
/**
 * What viewers get. Nobody is logged in here, nothing is written, and no
 * session is begun: a million may come at once.
 */
declare(strict_types=1);

/** A channel for everybody, with its owner as the gate sees it. */
function watch_find(Host $host, int $id): array
{
    $row = $host->row(CHANNEL_SELECT . ' WHERE a.id = ?', [$id]);
    if ($row === null) {
        throw new Refusal(404, 'channel_not_found', '直播不存在或已删除');
    }
    $channel = channel_from_row($row);
    return [$channel, gate_owner($host, $channel['uin'])];
}

/** Stops a subscription that would lead to nothing. */
function watch_check(Host $host, array $channel, array $owner): void
{
    foreach (array_keys(gate_missing($owner)) as $code) {
        $text = $code === 'gate_edition'
            ? '主播当前的版本不支持开播提醒，暂时无法订阅。主播升级到标准版后即可订阅。'
            : '主播还没有配置公众号，暂时无法订阅。主播配置公众号后即可订阅。';
        throw new Refusal(403, $code, $text);
    }
    if (!$channel['live_notify'] || !settings_find($host, $channel['uin'])['enabled']) {
        throw new Refusal(409, 'reminder_off', '主播没有为这场直播开启开播提醒');
    }
}

/** The data of the watch page. */
function watch_data(Host $host, int $id): array
{
    list($channel, $owner) = watch_find($host, $id);
    $subscribe = ['available' => true, 'code' => '', 'message' => ''];
    try {
        watch_check($host, $channel, $owner);
    } catch (Refusal $r) {
        $subscribe = ['available' => false, 'code' => $r->name, 'message' => $r->getMessage()];
    }
    return [
        'id'         => $channel['id'],
        'title'      => $channel['title'],
        'content'    => $channel['content'],
        'start_time' => $channel['start_time'],
        'start_text' => $host->clock($channel['start_time']),
        'started'    => $channel['start_time'] <= time(),
        'now'        => time(),
        'minutes'    => $channel['live_notify_time'],
        'subscribe'  => $subscribe,
        'followed'   => $owner['appid'] !== '' && follow_known($host, $owner['appid'], (string) ($_COOKIE[watch_cookie($owner)] ?? '')),
    ];
}

/** The account's code for this channel, and the moment from which to look for follows. */
function watch_qrcode(Host $host, int $id): array
{
    list($channel, $owner) = watch_find($host, $id);
    watch_check($host, $channel, $owner);
    return ['src' => qrcode_get($host, $owner['appid'], "live_$id")['src'], 'after' => follow_now()];
}

/**
 * Has somebody scanned since? The code is everybody's, so this can't say who
 * it was: the page asks the viewer. The link in WeChat's answer to the scan
 * does say it, see watch_claim().
 */
function watch_follows(Host $host, int $id): array
{
    return ['new' => follow_since($host, $id, http_number('after')), 'now' => follow_now()];
}

/** The link that a new follower got: this browser is theirs. */
function watch_claim(Host $host, int $id, string $ref): void
{
    list(, $owner) = watch_find($host, $id);
    if ($owner['appid'] !== '' && follow_known($host, $owner['appid'], $ref)) {
        header('Set-Cookie: ' . watch_cookie($owner) . "=$ref; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
            . (http_secure($host) ? '; Secure' : ''));
    }
    http_redirect("/watch/$id");
}

/** One cookie per account: whoever follows it follows for all its channels. */
function watch_cookie(array $owner): string
{
    return 'host_follow_' . substr(md5($owner['appid']), 0, 8);
}
