<?php
/**
 * What viewers get. Nobody is logged in here, no session is begun, and only a
 * viewer's own yes or no is written: a million may come at once.
 */
declare(strict_types=1);

const WATCH_BUTTONS = ['subscribe' => '订阅开播提醒', 'follow' => '关注公众号', 'enter' => '进入直播', 'past' => '打开直播间', 'none' => ''];
const WATCH_BADGES = ['live' => '直播中', 'past' => '往期'];

/** A channel for everybody, with its owner as the gate sees it. */
function watch_find(Host $host, int $id): array
{
    $channel = channel_row($host, $id);
    if ($channel === null) {
        throw new Refusal(404, 'channel_not_found', '直播不存在或已删除');
    }
    return [watch_planned($host, $channel), gate_owner($host, $channel['uin'])];
}

/** A channel with the plan of its reminder, while that is to come. */
function watch_planned(Host $host, array $channel): array
{
    $now = follow_seconds($host);
    return $channel['live_notify'] && $channel['live_notify_status'] === 0 && $now < $channel['start_time']
        ? $channel + ['plan' => plan_of($host, $channel, $now)] : $channel;
}

/** What may be promised of a channel now. */
function watch_promise(Host $host, array $channel, array $owner, int $now): array
{
    $open = gate_missing($owner) === [] && settings_find($host, $channel['uin'])['enabled'];
    return promise_of($host, $channel, $open, $now);
}

/** Stops a subscription that would lead to nothing. Why an owner may not is no viewer's business. */
function watch_check(array $owner, array $promise): void
{
    if (in_array($promise['offer'], ['subscribe', 'follow'], true)) {
        return;
    }
    if ($promise['phase'] === 'off' && gate_missing($owner) !== []) {
        throw new Refusal(403, 'reminder_unavailable', $promise['text']);
    }
    $codes = ['off' => 'reminder_off', 'early' => 'reminder_selected', 'due' => 'reminder_selected', 'live' => 'started', 'past' => 'over'];
    throw new Refusal(409, $codes[$promise['phase']] ?? 'reminder_sent', $promise['text']);
}

/** The data of the watch page. */
function watch_data(Host $host, int $id): array
{
    list($channel, $owner) = watch_find($host, $id);
    $now = follow_seconds($host);
    $promise = watch_promise($host, $channel, $owner, $now);
    $subscribe = ['available' => true, 'code' => '', 'message' => ''];
    try {
        watch_check($owner, $promise);
    } catch (Refusal $r) {
        $subscribe = ['available' => false, 'code' => $r->name, 'message' => $r->getMessage()];
    }
    return [
        'id'         => $channel['id'],
        'title'      => $channel['title'],
        'content'    => $channel['content'],
        'start_time' => $channel['start_time'],
        'start_text' => $host->clock($channel['start_time']),
        'started'    => $channel['start_time'] <= $now,
        'now'        => $now,
        'minutes'    => $channel['live_notify_time'],
        'subscribe'  => $subscribe,
        'phase'      => $promise['phase'],
        'text'       => $promise['text'],
        'offer'      => $promise['offer'],
        'button'     => $promise['phase'] === 'past' ? WATCH_BUTTONS['past'] : WATCH_BUTTONS[$promise['offer']],
        'room'       => promise_room($host, $channel),
        'badge'      => WATCH_BADGES[$promise['phase']] ?? '预告',
        'calendar'   => $channel['start_time'] > $now,
        'next'       => $promise['next'],
    ] + watch_viewer($host, $channel, $owner, $promise['phase']);
}

/**
 * What is known of this viewer: followed (what they asked for still holds),
 * known (a tap is enough), stale (they were known and have left), done (words
 * in place of the button, or ''), leave (they can unsubscribe here).
 */
function watch_viewer(Host $host, array $channel, array $owner, string $phase): array
{
    $openid = watch_openid($host, $owner);
    $row = $openid === '' ? null : subscriber_find($host, $channel['id'], $openid);
    $audience = promise_audience($channel);
    $followed = $audience === 'subscribers' ? subscriber_active($row) : $openid !== '' && $audience === 'followers';
    $done = $followed ? promise_kept($host, $channel, $phase, (int) ($row['promised'] ?? 0) === 1) : '';
    if ($done === '' && $followed && $audience === 'followers' && in_array($phase, ['sending', 'sent', 'stopped'], true)) {
        $done = '已关注公众号，可收到下一场的提醒';
    }
    return [
        'followed' => $followed,
        'known'    => $openid !== '' && $audience === 'subscribers',
        'stale'    => $openid === '' && watch_cookie_value($owner) !== '',
        'done'     => $done,
        'kept'     => promise_kept($host, $channel, $phase, false), // for one whose browser alone says so
        'leave'    => $followed && $audience === 'subscribers' && in_array($phase, ['early', 'due'], true),
        'reply'    => $audience === 'subscribers', // unsubscribing by a message to the account works
    ];
}

/** The account's code for this channel, and the moment from which to look for follows. */
function watch_qrcode(Host $host, int $id): array
{
    list($channel, $owner) = watch_find($host, $id);
    watch_check($owner, watch_promise($host, $channel, $owner, follow_seconds($host)));
    $after = follow_now($host);
    return ['src' => qrcode_get($host, $owner['appid'], "live_$id")['src'], 'after' => $after];
}

/**
 * Has the code been scanned since? It is the same for all viewers, so this can't say who
 * it was: the page asks the viewer. The link in WeChat's answer to the scan
 * does say it, see watch_claim(). With until: is any of those still there?
 */
function watch_follows(Host $host, int $id): array
{
    $until = isset($_GET['until']) ? http_number('until') : PHP_INT_MAX;
    $now = follow_now($host);
    return ['new' => follow_since($host, $id, http_number('after'), $until), 'now' => $now];
}

/** A viewer who is known subscribes by a tap. */
function watch_subscribe(Host $host, int $id): array
{
    list($channel, $owner, $openid) = watch_known($host, $id);
    $promise = watch_promise($host, $channel, $owner, follow_seconds($host));
    watch_check($owner, $promise);
    $host->transaction(function () use ($host, $channel, $owner, $openid) {
        $old = subscriber_find($host, $channel['id'], $openid);
        $at = max(follow_seconds($host), (int) ($old['left_at'] ?? 0) + 1);
        subscriber_record($host, $owner['appid'], ['openid' => $openid, 'kind' => 'TAP', 'scene' => "watch_{$channel['id']}", 'created' => $at], $channel['id'], 0);
        consents($host)->note($owner['appid'], $openid, follow_now($host));
    });
    // Read again: with status 0 pushd has not begun, and so will find the row.
    list($channel) = watch_find($host, $id);
    if (watch_promise($host, $channel, $owner, follow_seconds($host))['promised']) {
        subscriber_promise($host, $id, $openid);
    }
    return watch_data($host, $id);
}

/** A viewer who is known wants no reminder of this channel. */
function watch_leave(Host $host, int $id): array
{
    list($channel, , $openid) = watch_known($host, $id);
    subscriber_leave($host, $channel['id'], $openid);
    return watch_data($host, $id);
}

/** Channel, owner and openid of a viewer who is known. The body is JSON, which no form of another site can send. */
function watch_known(Host $host, int $id): array
{
    http_json();
    list($channel, $owner) = watch_find($host, $id);
    $openid = watch_openid($host, $owner);
    if ($openid === '') {
        throw new Refusal(409, 'viewer_unknown', '请先扫码：我们还不知道您是哪位粉丝');
    }
    return [$channel, $owner, $openid];
}

/** The calendar entry. */
function watch_calendar(Host $host, array $owner, string $id): void
{
    list($channel) = watch_find($host, (int) $id);
    header('Content-Type: text/calendar; charset=utf-8');
    header("Content-Disposition: attachment; filename=\"live-{$channel['id']}.ics\"");
    header('Cache-Control: no-store');
    echo calendar_text($host, $channel, time());
}

/** The link that a new follower got: this browser is theirs. */
function watch_claim(Host $host, int $id, string $ref): void
{
    list(, $owner) = watch_find($host, $id);
    if ($owner['appid'] !== '' && follow_openid($host, $owner['appid'], $ref) !== '') {
        header('Set-Cookie: ' . watch_cookie($owner) . "=$ref; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
            . (http_secure($host) ? '; Secure' : ''));
    }
    http_redirect("/watch/$id");
}

/** Who this browser is to the account, or ''. */
function watch_openid(Host $host, array $owner): string
{
    return $owner['appid'] === '' ? '' : follow_openid($host, $owner['appid'], watch_cookie_value($owner));
}

function watch_cookie_value(array $owner): string
{
    $value = $_COOKIE[watch_cookie($owner)] ?? '';
    return is_string($value) ? $value : '';
}

/** One cookie per account: whoever follows it follows for all its channels. */
function watch_cookie(array $owner): string
{
    return 'host_follow_' . substr(md5($owner['appid']), 0, 8);
}

/** A page for viewers: it has no session, and a sheet and a script of its own. */
function watch_show(Host $host, string $view, array $v, int $status = 200): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    $v += ['view' => $view, 'base' => $host->config['base_url']];
    require __DIR__ . '/../views/viewer.php';
}

function page_watch(Host $host, array $owner, string $id): void
{
    if (is_string($_GET['f'] ?? null)) {
        watch_claim($host, (int) $id, $_GET['f']);
        return;
    }
    $data = watch_data($host, (int) $id);
    watch_show($host, 'watch', ['title' => $data['title'], 'data' => $data]);
}

/** What a viewer is refused. There is nothing here for them to log in to. */
function watch_refusal(Host $host, Refusal $r): void
{
    watch_show($host, 'gone', ['title' => '打不开这个页面', 'text' => $r->getMessage(), 'again' => $r->status >= 500], $r->status);
}
