<?php
/**
 * WeChat's callbacks, in plain mode (明文模式). A callback is acted on only
 * if its signature is right, its time is now, and neither its signature nor
 * its event was seen before.
 */
declare(strict_types=1);

const EVENT_FRESH = 300; // seconds that a signature is good for
const EVENT_KEPT = 600;  // seconds that it is remembered, both sides of now

function event_main(Host $host, string $body): void
{
    header('Content-Type: text/plain; charset=utf-8');
    header('X-Content-Type-Options: nosniff');
    $appid = event_parameter('appid', '/^[A-Za-z0-9_-]{1,64}$/D');
    $signature = event_signature($host, $appid);
    if ($_SERVER['REQUEST_METHOD'] === 'GET') {
        echo event_parameter('echostr', '/^[\w+\/=-]{1,128}$/D'); // WeChat tries the address
        return;
    }
    $event = event_read($body);
    if ($event === null) {
        echo 'success'; // a chat message, a menu: not for us
        return;
    }
    $note = $host->transaction(function () use ($host, $appid, $signature, $event) {
        // In one transaction: what failed half-way is taken when it comes again.
        if (!$host->unlessTwice('INSERT INTO host_callback (appid, signature, seen_at) VALUES (?, ?, ?)', [$appid, $signature, time()])) {
            return null;
        }
        return event_note($host, $appid, $event);
    });
    if (random_int(0, 99) === 0) {
        $host->query('DELETE FROM host_callback WHERE seen_at < ?', [time() - EVENT_KEPT]);
    }
    $text = $note === null ? '' : event_act($host, $appid, $event, $note);
    if ($text === '') {
        echo 'success';
    } else {
        event_reply($event, $text);
    }
}

/** A parameter of the query that must be there. */
function event_parameter(string $name, string $pattern): string
{
    $value = $_GET[$name] ?? '';
    if (!is_string($value) || !preg_match($pattern, $value)) {
        throw new Refusal(400, 'malformed', "parameter $name is missing or malformed");
    }
    return $value;
}

/**
 * Checks who calls. Source: the SHA-1 of token, timestamp and nonce in order,
 * https://developers.weixin.qq.com/doc/service/guide/dev/push/
 */
function event_signature(Host $host, string $appid): string
{
    $given = event_parameter('signature', '/^[0-9a-f]{40}$/D');
    $time = event_parameter('timestamp', '/^\d{1,12}$/D');
    $parts = [callback_token($host, $appid), $time, event_parameter('nonce', '/^[\w-]{1,64}$/D')];
    sort($parts, SORT_STRING);
    if (!hash_equals(sha1(implode('', $parts)), $given)) {
        throw new Refusal(403, 'signature', 'wrong signature: is the token in WeChat\'s console the one of the settings page?');
    }
    if (abs(time() - (int) $time) > EVENT_FRESH) {
        throw new Refusal(403, 'stale', 'the timestamp is more than five minutes away; check the clock of this server');
    }
    return $given;
}

/**
 * The event in a body, or null. The XML is flat and written by WeChat: no
 * parser is needed, and so none can be tricked.
 */
function event_read(string $body): ?array
{
    $field = function (string $name) use ($body): string {
        return preg_match("#<$name>(?:<!\\[CDATA\\[)?([^\\]<]*)#", $body, $m) ? $m[1] : '';
    };
    if ($field('Encrypt') !== '') {
        throw new Refusal(400, 'encrypted', 'encrypted callbacks are not understood: choose plain mode (明文模式) in WeChat\'s console');
    }
    $event = [
        'openid'  => $field('FromUserName'),
        'account' => $field('ToUserName'),
        'created' => (int) $field('CreateTime'),
        'kind'    => $field('Event'),
        'scene'   => substr(preg_replace('/^qrscene_/', '', $field('EventKey')), 0, 64),
    ];
    $known = $field('MsgType') === 'event' && in_array($event['kind'], ['subscribe', 'SCAN', 'unsubscribe'], true);
    return $known && preg_match('/^[\w-]{1,64}$/D', $event['openid']) ? $event : null;
}

/** Writes down what happened. Null: it was written down before. */
function event_note(Host $host, string $appid, array $event): ?array
{
    if ($event['kind'] === 'unsubscribe') {
        follow_left($host, $appid, $event);
        return null;
    }
    $channel = preg_match('/^live_(\d{1,18})$/D', $event['scene'], $m)
        ? $host->row('SELECT a.id, a.title, a.start_time, w.appid FROM activity a JOIN user_wx_account w ON w.uin = a.uin
            WHERE a.id = ?', [(int) $m[1]])
        : null;
    if ($channel !== null && wx_appid((string) $channel['appid']) !== $appid) {
        $channel = null; // a code of this account for another's channel
    }
    $ref = follow_record($host, $appid, $event, (int) ($channel['id'] ?? 0));
    return $ref === '' ? null : ['ref' => $ref, 'channel' => $channel];
}

/** Does what a scan asks for, and returns what to tell the person, or ''. */
function event_act(Host $host, string $appid, array $event, array $note): string
{
    if (preg_match('/^test_([0-9a-f]{32})$/D', $event['scene'], $m)) {
        return trial_scanned($host, $appid, $m[1], $event['openid']);
    }
    if ($note['channel'] === null || $host->config['base_url'] === '') {
        return '';
    }
    $id = (int) $note['channel']['id'];
    $title = str_replace(['<', '>', '&'], ' ', $note['channel']['title']);
    $link = $host->config['base_url'] . "/watch/$id?f=" . $note['ref'];
    return "订阅成功！《{$title}》" . $host->clock((int) $note['channel']['start_time'], 'm月d日 H:i')
        . " 开播，开播前会提醒您。\n<a href=\"$link\">点这里回到直播间</a>";
}

/** Answers with a message to the person. */
function event_reply(array $event, string $text): void
{
    header('Content-Type: text/xml; charset=utf-8');
    printf('<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName>'
        . '<CreateTime>%d</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content></xml>',
        $event['openid'], $event['account'], time(), str_replace(']]>', ' ', $text));
}
