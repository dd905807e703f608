<?php
/**
 * WeChat's callbacks, in plain mode (明文模式). A callback is acted on only
 * if its signature is right, its time is now, and neither its signature nor
 * its event was seen before.
 */
declare(strict_types=1);

use Pushd\Platform\Callback\Event;
use Pushd\Platform\Callback\Receipts;
use Pushd\Platform\Callback\Replay;
use Pushd\Platform\Callback\Signature;
use Pushd\Platform\Config;
use Pushd\Platform\Db\DatabaseClock;

function event_main(Host $host, string $body): void
{
    header('Content-Type: text/plain; charset=utf-8');
    header('X-Content-Type-Options: nosniff');
    $appid = event_parameter('appid', '/^[A-Za-z0-9_-]{1,64}$/D');
    $version = isset($_GET['v']) ? (int) event_parameter('v', '/^[1-9]\d{0,8}$/D') : 0;
    $signature = event_signature($host, $appid, $version);
    if (in_array($_SERVER['REQUEST_METHOD'], ['GET', 'HEAD'], true)) {
        event_tried($host, $appid, $version, $signature);
    } elseif (Event::isReceipt($body)) {
        event_receipt($host, $appid, $version, $signature, $body);
    } else {
        event_take($host, $appid, $version, $signature, $body);
    }
}

/** WeChat tries the address. */
function event_tried(Host $host, string $appid, int $version, string $signature): void
{
    $echo = event_parameter('echostr', '/^[\w+\/=-]{1,128}$/D');
    $contact = contact_find($host, $appid);
    contact_check($contact, $version);
    event_unseen($host, $appid, $signature); // used up, but WeChat may ask twice
    contact_note($host, $appid, $contact, 'get_at');
    echo $echo;
}

/** A message is delivered, or is not: answered first, whatever becomes of it. */
function event_receipt(Host $host, string $appid, int $version, string $signature, string $body): void
{
    if (!Receipts::wanted(Config::checked($host->config))) {
        echo 'success';
        return;
    }
    $done = event_answered('success');
    try {
        $contact = contact_find($host, $appid);
        if ($contact['token_version'] === $version) {
            receipts($host)->take($appid, $signature, $body);
            contact_note($host, $appid, $contact, 'event_at');
            if ($done) {
                receipts($host)->handOn(Receipts::SECONDS);
            }
        }
    } catch (Throwable $e) { // a receipt is not worth an error at WeChat
        error_log('receipt: ' . $e->getMessage());
    }
}

/** Any other event. */
function event_take(Host $host, string $appid, int $version, string $signature, string $body): void
{
    $contact = contact_find($host, $appid);
    contact_check($contact, $version);
    $event = event_read($body);
    if ($event === null) {
        $sealed = Event::isSealed($body);
        if ($sealed) {
            error_log("wechat callback: $appid sends encrypted messages: choose plain mode (明文模式) in WeChat's console");
        }
        event_unseen($host, $appid, $signature);
        contact_note($host, $appid, $contact, $sealed ? 'sealed_at' : 'event_at');
        echo 'success'; // a chat message, a menu: not for us
        return;
    }
    $channel = event_channel($host, $appid, $event['scene']);
    $note = $host->transaction(function () use ($host, $appid, $signature, $event, $channel) {
        // In one transaction: what failed half-way is taken when it comes again.
        return event_unseen($host, $appid, $signature) ? event_note($host, $appid, $event, $channel) : null;
    });
    contact_note($host, $appid, $contact, 'event_at');
    if (random_int(0, 99) === 0) { // where nothing else tidies up
        (new Replay($host->connection(), new DatabaseClock($host->connection())))->tidy();
    }
    if ($note === null) {
        echo 'success';
    } else {
        event_act($host, $appid, $event, $note);
    }
}

/** A parameter of the query that must be there. */
function event_parameter(string $name, string $pattern): string
{
    return Signature::parameter($_GET, $name, $pattern);
}

/** Checks who calls. */
function event_signature(Host $host, string $appid, int $version): string
{
    return Signature::check(callback_token($host, $appid, $version), $_GET, time());
}

/** Uses a signature up; false if it was. It signs no body, so it is good for one request. */
function event_unseen(Host $host, string $appid, string $signature): bool
{
    return (new Replay($host->connection(), new DatabaseClock($host->connection())))->isNew($appid, $signature);
}

/** The event in a body, or null. A message 退订 is one, too: kind STOP. */
function event_read(string $body): ?array
{
    $event = Event::read($body);
    return $event === null ? null : get_object_vars($event);
}

/**
 * Writes down what happened; $channel is the one whose code was scanned. Null:
 * it was written down before, or there is nothing to answer.
 */
function event_note(Host $host, string $appid, array $event, ?array $channel): ?array
{
    if ($event['kind'] === 'unsubscribe') {
        follow_left($host, $appid, $event);
        consents($host)->withdraw($appid, $event['openid']);
        return null;
    }
    if ($event['kind'] === 'STOP') {
        $ended = subscriber_leave_all($host, $appid, $event['openid'], max($event['created'], follow_seconds($host)));
        consents($host)->withdraw($appid, $event['openid']);
        return $ended > 0 ? ['ended' => $ended, 'channel' => null] : null;
    }
    $ref = follow_record($host, $appid, $event, $channel['id'] ?? 0);
    if ($ref === '') {
        return null;
    }
    $left = follow_overtaken($host, $appid, $event, $ref);
    if ($left === 0) { // a follow or a scan
        consents($host)->note($appid, $event['openid'], follow_now($host));
    }
    if ($channel !== null && $channel['start_time'] + PROMISE_LIVE > time()) {
        subscriber_record($host, $appid, $event, $channel['id'], $left);
    }
    return ['ref' => $ref, 'channel' => $channel];
}

/** The channel that a code is of, if it is one of this account's; else null. */
function event_channel(Host $host, string $appid, string $scene): ?array
{
    $id = Event::of(['scene' => $scene])->channel();
    $channel = $id === 0 ? null : channel_row($host, $id);
    return $channel !== null && wx_appid(account_appid($host, $channel['uin'])) === $appid ? $channel : null;
}

/** Does what was asked for, and answers. */
function event_act(Host $host, string $appid, array $event, array $note): void
{
    if (preg_match('/^test_([0-9a-f]{32})$/D', $event['scene'], $m)) {
        // WeChat waits five seconds, and asks three times: it is answered first.
        $done = event_answered('success');
        trial_scanned($host, $appid, $m[1], $event['openid'], $done ? 15 : 4);
        return;
    }
    $text = isset($note['ended']) ? event_ended($note['ended']) : event_words($host, $event, $note);
    if ($text === '') {
        echo 'success';
    } else {
        header('Content-Type: text/xml; charset=utf-8');
        echo Event::of($event)->reply($text, time());
    }
}

function event_ended(int $ended): string
{
    return "已退订 {$ended} 场直播的开播提醒。\n公众号发给全部粉丝的消息，可在该消息中选择“不再接收”。";
}

/** What the one who scanned reads: no more than what comes true. */
function event_words(Host $host, array $event, array $note): string
{
    if ($note['channel'] === null || $host->config['base_url'] === '') {
        return '';
    }
    $id = $note['channel']['id'];
    // Read again, now that the subscription is saved: with status 0 pushd has
    // not begun, and so will find it.
    $channel = watch_planned($host, channel_row($host, $id));
    $now = follow_seconds($host);
    $promise = watch_promise($host, $channel, gate_owner($host, $channel['uin']), $now);
    $asked = subscriber_active(subscriber_find($host, $id, $event['openid']));
    if ($promise['promised'] && $asked) {
        subscriber_promise($host, $id, $event['openid']);
    }
    return promise_answer($host, $channel, $promise, $asked, $host->config['base_url'] . "/watch/$id?f=" . $note['ref'], $now);
}

/**
 * Sends the answer; true if WeChat has it now, and what follows delays nothing.
 * That is so under php-fpm.
 */
function event_answered(string $text): bool
{
    echo $text;
    return function_exists('fastcgi_finish_request') && fastcgi_finish_request();
}
