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
    http_page($host, 'login', ['title' => '登录', 'csrf' => session_csrf(), 'error' => '', 'uin' => '', 'next' => session_next($_GET['next'] ?? '')]);
}

function page_login_post(Host $host): void
{
    try {
        session_login($host);
        http_redirect(session_next($_POST['next'] ?? '') ?: '/channels');
    } catch (Refusal $r) {
        $uin = is_string($_POST['uin'] ?? null) ? $_POST['uin'] : '';
        http_page($host, 'login', ['title' => '登录', 'csrf' => session_csrf(), 'error' => $r->getMessage(), 'uin' => $uin,
            'next' => session_next($_POST['next'] ?? '')], $r->status);
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
    page_show($host, $owner, 'account', ['title' => '公众号设置', 'appid' => account_appid($host, $owner['uin']),
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
        'brakes'   => brakes_answer(brakes_find($host, $owner['uin'])),
        'channels' => channel_choices($host, $owner['uin']),
        'host'     => $host,
    ]);
}

function page_channels(Host $host, array $owner): void
{
    $group = is_string($_GET['group'] ?? null) && isset(CHANNEL_GROUPS[$_GET['group']]) ? $_GET['group'] : '';
    $search = is_string($_GET['q'] ?? null) ? (string) iconv_substr(trim($_GET['q']), 0, 64, 'UTF-8') : '';
    $page = isset($_GET['page']) ? max(1, min(10000, http_number('page'))) : 1;
    $groups = [];
    $plans = plan_owner($host, $owner['uin'], time());
    $brakes = brakes_find($host, $owner['uin']);
    foreach ($group !== '' ? [$group] : ($search !== '' ? array_keys(CHANNEL_GROUPS) : ['now', 'next']) as $name) {
        $found = channel_group($host, $owner['uin'], $name, $search, $page);
        foreach ($found['items'] as &$channel) {
            $plan = $channel['live_notify'] && $channel['live_notify_status'] === 0 && $channel['start_time'] > time() ? $plans[$channel['id']] ?? null : null;
            $channel = ['channel' => $channel, 'when' => $host->clock($channel['start_time']), 'badge' => page_badge($host, $channel, $plan),
                'plan' => $plan === null ? '' : plan_text($host, $channel, $plan, $brakes)];
        }
        unset($channel);
        $groups[$name] = $found;
    }
    page_show($host, $owner, 'channels', ['title' => '直播', 'groups' => $groups, 'counts' => channel_counts($host, $owner['uin']),
        'group' => $group, 'search' => $search, 'page' => $page, 'enabled' => settings_find($host, $owner['uin'])['enabled']]);
}

const PAGE_LATE = 600; // seconds after which the list calls a reminder late; its own page knows sooner

/** A channel's reminder in one word, from its row alone: the list asks pushd nothing. */
function page_badge(Host $host, array $channel, ?array $plan): array
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
    if (channel_due($host, $channel) && $channel['start_time'] - 60 * $channel['live_notify_time'] < time() - PAGE_LATE) {
        return ['bad', '未按时发送'];
    }
    if ($plan !== null && $plan['why'] !== '') {
        return $plan['at'] === 0 ? ['bad', '不会提醒'] : ['busy', '推迟提醒'];
    }
    return ['wait', $channel['live_notify_time'] === 0 ? '开播时提醒' : "提前 {$channel['live_notify_time']} 分钟提醒"];
}

function page_channel_new(Host $host, array $owner): void
{
    if (isset($_GET['from'])) {
        page_channel_show($host, $owner, channel_copy($host, channel_find($host, $owner['uin'], http_number('from'))), null);
        return;
    }
    $start = intdiv(time() + 86400, 3600) * 3600;
    page_channel_show($host, $owner, ['start_time' => $start, 'live_notify' => true, 'audience' => 'subscribers'] + channel_empty($owner['uin']), null);
}

function page_channel(Host $host, array $owner, string $id): void
{
    $channel = channel_find($host, $owner['uin'], (int) $id);
    page_channel_show($host, $owner, $channel, reminder_glance($host, $owner, $channel));
}

function page_channel_show(Host $host, array $owner, array $channel, ?array $reminder): void
{
    page_show($host, $owner, 'channel', [
        'title' => $channel['id'] === 0 ? '新建直播' : $channel['title'], 'scripts' => ['reminder', 'channel'],
        'channel' => $channel, 'reminder' => $reminder,
        'enabled' => settings_find($host, $owner['uin'])['enabled'], 'subscribers' => audience_subscribers($host, $channel['id']), 'audiences' => page_audiences($channel['audience']),
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
        $next = $_SERVER['REQUEST_METHOD'] === 'GET' ? session_next($_SERVER['REQUEST_URI'] ?? '') : '';
        http_redirect('/login' . ($next !== '' ? '?next=' . rawurlencode($next) : ''));
        return;
    }
    if (strncmp($r->name, 'gate_', 5) === 0 && session_owner() !== null) {
        $owner = gate_owner($host, session_owner());
        http_page($host, 'gate', ['title' => '暂时不能使用', 'owner' => $owner, 'csrf' => session_csrf(),
            'missing' => gate_missing($owner), 'ways' => gate_ways($host)], $r->status);
        return;
    }
    http_page($host, 'error', ['title' => '出错了', 'text' => $r->getMessage()], $r->status);
}

/** A page for people where the settings can't be read: the log says why. */
function page_broken(): void
{
    http_response_code(500);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    header("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'");
    header('X-Content-Type-Options: nosniff');
    $text = '系统设置有误，暂时不能使用，请联系平台管理员。';
    echo '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        '<title>暂时不能使用</title><link rel="stylesheet" href="', h(http_asset('style.css')), '"></head><body class="error"><main class="wide">',
        '<section class="card narrow"><h1>暂时不能使用</h1><p>', h($text), '</p></section></main></body></html>';
}
