<?php
/** The pages: what each view is given. */
declare(strict_types=1);

/** A page of an owner. */
function page_show(Host $host, array $owner, string $name, array $v): void
{
    http_page($host, $name, $v + ['owner' => $owner, 'csrf' => session_csrf()]);
}

function page_home(Host $host, array $owner): void
{
    http_redirect('/channels');
}

function page_login(Host $host): void
{
    http_page($host, 'login', ['title' => '登录', 'csrf' => session_csrf(), 'error' => '', 'uin' => '']);
}

function page_login_post(Host $host): void
{
    try {
        session_login($host);
        http_redirect('/channels');
    } catch (Refusal $r) {
        $uin = is_string($_POST['uin'] ?? null) ? $_POST['uin'] : '';
        http_page($host, 'login', ['title' => '登录', 'csrf' => session_csrf(), 'error' => $r->getMessage(), 'uin' => $uin], $r->status);
    }
}

function page_logout(Host $host): void
{
    session_logout();
    http_redirect('/login');
}

/** The owner's account. An appid that came another way is shown as it is. */
function page_account(Host $host, array $owner): void
{
    $row = $host->row('SELECT appid FROM user_wx_account WHERE uin = ?', [$owner['uin']]);
    page_show($host, $owner, 'account', ['title' => '公众号设置', 'appid' => (string) ($row['appid'] ?? ''),
        'error' => $owner['account'] === 'none' ? '' : (GATE_ACCOUNT[$owner['account']] ?? '')]);
}

function page_account_post(Host $host, array $owner): void
{
    $body = array_intersect_key($_POST, ACCOUNT_LABELS);
    try {
        account_save($host, $owner['uin'], $body);
        http_redirect('/channels');
    } catch (Refusal $r) {
        http_page($host, 'account', ['title' => '公众号设置', 'owner' => $owner, 'csrf' => session_csrf(),
            'appid' => is_string($body['appid'] ?? null) ? $body['appid'] : '', 'error' => $r->getMessage()], $r->status);
    }
}

function page_settings(Host $host, array $owner): void
{
    page_show($host, $owner, 'settings', [
        'title'    => '模板消息',
        'scripts'  => ['settings'],
        'settings' => settings_find($host, $owner['uin']),
        'callback' => settings_callback($host, $owner),
        'channels' => channel_list($host, $owner['uin']),
        'host'     => $host,
    ]);
}

function page_channels(Host $host, array $owner): void
{
    $items = [];
    foreach (array_slice(channel_list($host, $owner['uin']), 0, 20) as $channel) {
        $items[] = ['channel' => $channel, 'when' => $host->clock($channel['start_time']), 'badge' => page_badge($host, $channel)];
    }
    page_show($host, $owner, 'channels', ['title' => '频道', 'items' => $items,
        'enabled' => settings_find($host, $owner['uin'])['enabled']]);
}

/** A channel's reminder in one word, from its row alone: the list asks pushd nothing. */
function page_badge(Host $host, array $channel): array
{
    $words = [1 => ['busy', '发送中'], 2 => ['good', '已提醒'], 3 => ['bad', '未完成']];
    if (isset($words[$channel['live_notify_status']])) {
        return $words[$channel['live_notify_status']];
    }
    if (!$channel['live_notify']) {
        return ['', '未开启提醒'];
    }
    if ($channel['start_time'] + $host->config['grace'] <= time()) {
        return ['', '未发送'];
    }
    return ['wait', $channel['live_notify_time'] === 0 ? '开播时提醒' : "提前 {$channel['live_notify_time']} 分钟提醒"];
}

function page_channel_new(Host $host, array $owner): void
{
    $start = intdiv(time() + 86400, 3600) * 3600;
    page_channel_show($host, $owner, ['start_time' => $start, 'live_notify' => true, 'audience' => 'subscribers'] + channel_empty($owner['uin']), null);
}

function page_channel(Host $host, array $owner, string $id): void
{
    $channel = channel_find($host, $owner['uin'], (int) $id);
    page_channel_show($host, $owner, $channel, reminder_state($host, $owner, $channel));
}

function page_channel_show(Host $host, array $owner, array $channel, ?array $reminder): void
{
    page_show($host, $owner, 'channel', [
        'title' => $channel['id'] === 0 ? '新建频道' : $channel['title'], 'scripts' => ['reminder', 'channel'],
        'channel' => $channel, 'reminder' => $reminder,
        'enabled' => settings_find($host, $owner['uin'])['enabled'], 'audiences' => page_audiences($channel['audience']),
        'start'   => $host->clock($channel['start_time'], 'Y-m-d\TH:i'), 'now' => $host->clock(time(), 'Y-m-d\TH:i:s'),
        'key'     => bin2hex(random_bytes(16)), 'version' => channel_version($channel), 'zone' => page_zone($host),
    ]);
}

/** The audiences that the form can offer before WeChat has been asked for the tags. */
function page_audiences(string $chosen): array
{
    $all = ['subscribers' => '', 'followers' => '', $chosen => ''];
    foreach (array_keys($all) as $audience) {
        $all[$audience] = audience_name($audience);
    }
    return $all;
}

/** The name of the platform's time zone, for people. */
function page_zone(Host $host): string
{
    $zone = $host->config['timezone'];
    return in_array($zone, ['Asia/Shanghai', 'Asia/Chongqing', 'PRC'], true) ? '北京时间' : "时区：$zone";
}

/** A refusal as a page: the login, the gate with both conditions, or a few words. */
function page_refusal(Host $host, Refusal $r): void
{
    if ($r->name === 'login') {
        http_redirect('/login');
        return;
    }
    if (strncmp($r->name, 'gate_', 5) === 0 && session_owner() !== null) {
        $owner = gate_owner($host, session_owner());
        http_page($host, 'gate', ['title' => '暂时不能使用', 'owner' => $owner, 'csrf' => session_csrf(),
            'missing' => gate_missing($owner)], $r->status);
        return;
    }
    http_page($host, 'error', ['title' => '出错了', 'text' => $r->getMessage()], $r->status);
}
