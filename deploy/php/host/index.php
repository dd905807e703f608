<?php
/**
 * The host's front door: every request but WeChat's callbacks and the assets.
 *
 *   php -S 127.0.0.1:8000 deploy/php/host/index.php
 *
 * The table below is all there is. 'owner' routes pass login and gate before
 * their code runs, 'member' routes the login, and every POST of theirs passes
 * the CSRF check; no code of a route can forget them.
 * 所有路由都在下表：owner 一律先过登录和门槛，member 只过登录，POST 一律校验 CSRF。
 */
declare(strict_types=1);

use Pushd\Platform\Schema\TooOld;

$path = (string) strtok((string) ($_SERVER['REQUEST_URI'] ?? '/'), '?'); // parse_url would take //x/y for another host
if ($path === '/wechat/callback') {
    require __DIR__ . '/callback.php';
    return;
}
if (PHP_SAPI === 'cli-server' && preg_match('#^/assets/(\w+)\.(css|js|svg)$#D', $path, $m) && is_file(__DIR__ . $path)) {
    header('Content-Type: ' . ['css' => 'text/css', 'js' => 'text/javascript', 'svg' => 'image/svg+xml'][$m[2]] . '; charset=utf-8');
    readfile(__DIR__ . $path);
    return;
}

ini_set('display_errors', '0');
foreach (['host', 'http', 'session', 'account', 'gate', 'fields', 'pushd', 'audience', 'brakes', 'plan', 'channel', 'channellist', 'saved', 'reminder', 'command', 'wechat',
    'settings', 'template', 'qrcode', 'trial', 'promise', 'subscriber', 'follow', 'contact', 'calendar', 'watch',
    'page'] as $name) {
    require_once __DIR__ . "/app/$name.php";
}

/**
 * method, path, who: open (a session), member (login), owner (login and gate),
 * viewer (no session; a POST is refused unless it is JSON, which no form of
 * another site can send), then what runs with the host, the owner and the
 * path's part.
 */
const ROUTES = [
    ['GET',  '/',                                'owner',  'page_home'],
    ['GET',  '/login',                           'open',   'page_login'],
    ['POST', '/login',                           'open',   'page_login_post'],
    ['POST', '/logout',                          'open',   'page_logout'],
    ['GET',  '/account',                         'member', 'page_account'],
    ['POST', '/account',                         'member', 'page_account_post'],
    ['GET',  '/settings',                        'owner',  'page_settings'],
    ['GET',  '/channels',                        'owner',  'page_channels'],
    ['GET',  '/channels/new',                    'owner',  'page_channel_new'],
    ['GET',  '/channels/([1-9]\d{0,18})',             'owner',  'page_channel'],
    ['GET',  '/watch/([1-9]\d{0,18})',                'viewer', 'page_watch'],
    ['GET',  '/channels/([1-9]\d{0,18})/subscribers.csv', 'owner', 'page_subscribers'],
    ['GET',  '/watch/([1-9]\d{0,18})/calendar\.ics',  'viewer', 'watch_calendar'],

    ['GET',  '/api/settings',                    'owner',  'api_settings'],
    ['POST', '/api/settings',                    'owner',  'api_settings_save'],
    ['GET',  '/api/templates',                   'owner',  'api_templates'],
    ['GET',  '/api/templates/([\w-]{1,64})',    'owner',  'api_template'],
    ['POST', '/api/templates/([\w-]{1,64})',    'owner',  'api_template_save'],
    ['POST', '/api/templates/([\w-]{1,64})/preview', 'owner', 'api_preview'],
    ['POST', '/api/templates/([\w-]{1,64})/test', 'owner', 'api_test'],
    ['GET',  '/api/tests/([0-9a-f]{32})',        'owner',  'api_test_state'],
    ['POST', '/api/estimate',                    'owner',  'api_estimate'],
    ['GET',  '/api/brakes',                      'owner',  'api_brakes'],
    ['POST', '/api/brakes',                      'owner',  'api_brakes_save'],
    ['GET',  '/api/plan',                        'owner',  'api_plan'],
    ['GET',  '/api/audiences',                   'owner',  'api_audiences'],
    ['GET',  '/api/channels',                    'owner',  'api_channels'],
    ['POST', '/api/channels',                    'owner',  'api_channel_create'],
    ['GET',  '/api/channels/([1-9]\d{0,18})',         'owner',  'api_channel'],
    ['POST', '/api/channels/([1-9]\d{0,18})',         'owner',  'api_channel_update'],
    ['GET',  '/api/channels/([1-9]\d{0,18})/subscribers', 'owner', 'api_subscribers'],
    ['GET',  '/api/channels/([1-9]\d{0,18})/reminder', 'owner', 'api_reminder'],
    ['POST', '/api/channels/([1-9]\d{0,18})/reminder', 'owner', 'api_reminder_command'],
    ['GET',  '/api/watch/([1-9]\d{0,18})',            'viewer', 'api_watch'],
    ['GET',  '/api/watch/([1-9]\d{0,18})/qrcode',     'viewer', 'api_watch_qrcode'],
    ['GET',  '/api/watch/([1-9]\d{0,18})/follows',    'viewer', 'api_watch_follows'],
    ['POST', '/api/watch/([1-9]\d{0,18})/subscribe',  'viewer', 'api_watch_subscribe'],
    ['POST', '/api/watch/([1-9]\d{0,18})/leave',      'viewer', 'api_watch_leave'],
    ['POST', '/api/callback/renew',              'owner',  'api_callback_renew'],
];

function api_settings(Host $host, array $owner): void
{
    http_answer(settings_find($host, $owner['uin']) + ['appid' => $owner['appid'], 'callback' => settings_callback($host, $owner)]);
}

function api_settings_save(Host $host, array $owner): void
{
    http_answer(settings_save($host, $owner, http_json()));
}

function api_templates(Host $host, array $owner): void
{
    http_answer(template_list($host, $owner));
}

function api_template(Host $host, array $owner, string $id): void
{
    http_answer(template_find($host, $owner, $id));
}

function api_template_save(Host $host, array $owner, string $id): void
{
    http_answer(template_save($host, $owner, $id, http_json()));
}

function api_preview(Host $host, array $owner, string $id): void
{
    http_answer(template_preview($host, $owner, $id, http_json()));
}

function api_test(Host $host, array $owner, string $id): void
{
    http_answer(trial_begin($host, $owner, $id, http_json()), 201);
}

function api_test_state(Host $host, array $owner, string $nonce): void
{
    http_answer(trial_state($host, $owner, $nonce));
}

function api_estimate(Host $host, array $owner): void
{
    http_answer(reminder_estimate($host, $owner, http_json()));
}

function api_brakes(Host $host, array $owner): void
{
    http_answer(brakes_answer(brakes_find($host, $owner['uin'])));
}

function api_brakes_save(Host $host, array $owner): void
{
    $saved = brakes_save($host, $owner['uin'], http_json());
    $moved = array_filter(array_column(plan_owner($host, $owner['uin'], time()), 'why'));
    http_answer($saved + ['moved' => count($moved)]);
}

function api_plan(Host $host, array $owner): void
{
    http_answer(plan_answer($host, $owner, $_GET));
}

function api_audiences(Host $host, array $owner): void
{
    $id = isset($_GET['actid']) ? http_number('actid') : 0;
    http_answer(audience_choices($host, $owner, $id > 0 ? channel_find($host, $owner['uin'], $id) : null));
}

function api_channels(Host $host, array $owner): void
{
    $group = $_GET['group'] ?? 'next';
    if (!is_string($group) || !isset(CHANNEL_GROUPS[$group])) {
        throw new Refusal(422, 'invalid', '参数 group 只能是 now、next、past', 'group');
    }
    $found = channel_group($host, $owner['uin'], $group, is_string($_GET['q'] ?? null) ? $_GET['q'] : '', isset($_GET['page']) ? max(1, min(10000, http_number('page'))) : 1);
    foreach ($found['items'] as &$channel) {
        $channel = channel_answer($host, $channel);
    }
    http_answer($found);
}

function api_channel(Host $host, array $owner, string $id): void
{
    http_answer(channel_answer($host, channel_find($host, $owner['uin'], (int) $id)));
}

function api_channel_create(Host $host, array $owner): void
{
    http_answer(channel_answer($host, channel_create($host, $owner['uin'], http_json())), 201);
}

function api_channel_update(Host $host, array $owner, string $id): void
{
    $channel = channel_update($host, $owner['uin'], (int) $id, http_json());
    $stopped = !$channel['live_notify'] && $channel['live_notify_status'] === 1 ? command_stop($host, $owner, $channel['id']) : 0;
    http_answer(channel_answer($host, $channel) + ['stopping' => $stopped > 0]);
}

function api_reminder_command(Host $host, array $owner, string $id): void
{
    http_answer(command_run($host, $owner, channel_find($host, $owner['uin'], (int) $id), http_json()));
}

function api_subscribers(Host $host, array $owner, string $id): void
{
    http_answer(['people' => audience_subscribers($host, channel_find($host, $owner['uin'], (int) $id)['id'])]);
}

function api_reminder(Host $host, array $owner, string $id): void
{
    http_answer(reminder_state($host, $owner, channel_find($host, $owner['uin'], (int) $id), isset($_GET['counted'])));
}

function api_watch(Host $host, array $owner, string $id): void
{
    http_answer(watch_data($host, (int) $id));
}

function api_watch_qrcode(Host $host, array $owner, string $id): void
{
    http_answer(watch_qrcode($host, (int) $id));
}

function api_watch_follows(Host $host, array $owner, string $id): void
{
    http_answer(watch_follows($host, (int) $id));
}

function api_watch_subscribe(Host $host, array $owner, string $id): void
{
    http_answer(watch_subscribe($host, (int) $id));
}

function api_watch_leave(Host $host, array $owner, string $id): void
{
    http_answer(watch_leave($host, (int) $id));
}

function api_callback_renew(Host $host, array $owner): void
{
    http_json();
    http_answer(contact_renew($host, $owner['appid']));
}

/** Finds the route, lets the request through what guards it, and runs it. */
function route(Host $host, string $method, string $path): void
{
    $method = $method === 'HEAD' ? 'GET' : $method; // PHP sends its headers alone
    $others = [];
    foreach (ROUTES as list($verb, $pattern, $who, $run)) {
        if (!preg_match("#^$pattern$#D", $path, $m)) {
            continue;
        }
        if ($verb !== $method) {
            $others[] = $verb;
            continue;
        }
        if (ctype_digit($m[1] ?? '') && strlen($m[1]) < 20 && (string) (int) $m[1] !== $m[1]) {
            break; // more than a number can be: it would name another thing
        }
        $run($host, route_guard($host, $who, $method), $m[1] ?? '');
        return;
    }
    if ($others !== []) {
        header('Allow: ' . implode(', ', $others));
        throw new Refusal(405, 'method_not_allowed', '不支持的请求方式');
    }
    throw new Refusal(404, 'not_found', '页面不存在');
}

/** Login, forged writes, gate: in this order. Returns the owner. */
function route_guard(Host $host, string $who, string $method): array
{
    if ($who === 'viewer') {
        return [];
    }
    session_begin($host, $who === 'open');
    if ($who !== 'open' && session_owner() === null) {
        throw new Refusal(401, 'login', '请先登录');
    }
    if ($method === 'POST') {
        session_check_csrf();
    }
    if ($who === 'open') {
        return [];
    }
    $owner = gate_owner($host, (int) session_owner());
    if ($who === 'owner') {
        gate_check($owner);
    }
    return $owner;
}

/** Shows a refusal: to programs as JSON, to people as a page. */
function refuse(?Host $host, string $path, Refusal $r): void
{
    if (strncmp($path, '/api/', 5) === 0) {
        http_refuse($r);
    } elseif ($host === null) {
        page_broken();
    } elseif (strncmp($path, '/watch/', 7) === 0) {
        watch_refusal($host, $r);
    } else {
        page_refusal($host, $r);
    }
}

$host = null;
try {
    $host = new Host();
    http_headers($host);
    $method = (string) $_SERVER['REQUEST_METHOD'];
    route($host, $method === 'HEAD' ? 'GET' : $method, $path);
} catch (Refusal $r) {
    refuse($host, $path, $r);
} catch (TooOld $e) {
    error_log('host: ' . $e->getMessage());
    refuse($host, $path, new Refusal(503, 'schema', '系统正在升级，请稍后再试'));
} catch (PDOException $e) {
    error_log('host: ' . $e->getMessage());
    refuse($host, $path, host_database_refusal($host, $e));
} catch (Throwable $e) {
    error_log('host: ' . $e->getMessage() . ' at ' . basename($e->getFile()) . ':' . $e->getLine());
    refuse($host, $path, new Refusal(500, 'failed', '系统出错了，请稍后再试'));
}
