<?php
/**
 * Who is logged in, and the token against forged writes (CSRF).
 *
 * The login is a stub: a platform has its own. Keep session_owner() and
 * session_csrf(), and let them ask your session.
 * 登录仅作演示：请换成平台自己的登录，保留 session_owner() 与 CSRF 校验。
 */
declare(strict_types=1);

/** How long an owner may be idle, in seconds. */
const SESSION_IDLE = 28800;

/** Opens the session. One is made only where a form is shown: strangers leave no files behind. */
function session_begin(Host $host, bool $make): void
{
    if (session_status() === PHP_SESSION_ACTIVE || (!$make && !isset($_COOKIE['host_session']))) {
        return;
    }
    ini_set('session.gc_maxlifetime', (string) SESSION_IDLE);
    session_name('host_session');
    $secure = http_secure($host);
    if (PHP_VERSION_ID >= 70300) {
        session_set_cookie_params(['path' => '/', 'secure' => $secure, 'httponly' => true, 'samesite' => 'Lax']);
    } else {
        session_set_cookie_params(0, '/; SameSite=Lax', '', $secure, true);
    }
    session_start(['use_strict_mode' => 1, 'use_only_cookies' => 1, 'cache_limiter' => '']);
    if (!isset($_SESSION['csrf'])) {
        $_SESSION['csrf'] = bin2hex(random_bytes(16));
    }
    // From here on the session is only read: other requests of the same
    // browser need not wait for this one.
    session_write_close();
}

/** Where to go after the login: a page of an owner, or '' for anything else. */
function session_next($path): string
{
    return is_string($path) && preg_match('#^/(channels|settings|account)(/[A-Za-z0-9]+)?(\?[A-Za-z0-9=&%_.~+-]*)?$#D', $path) ? $path : '';
}

/** The owner's number, or null where nobody is logged in. */
function session_owner(): ?int
{
    return isset($_SESSION['uin']) ? (int) $_SESSION['uin'] : null;
}

function session_csrf(): string
{
    return (string) ($_SESSION['csrf'] ?? '');
}

/** Stops a write that no page of ours has sent. */
function session_check_csrf(): void
{
    $given = $_SERVER['HTTP_X_CSRF_TOKEN'] ?? $_POST['csrf'] ?? '';
    $want = session_csrf();
    if ($want === '' || !is_string($given) || !hash_equals($want, $given)) {
        throw new Refusal(403, 'csrf', '页面已过期，请刷新后重试');
    }
}

/** The stub: any owner, with the one password of the settings. */
function session_login(Host $host): void
{
    $uin = (string) ($_POST['uin'] ?? '');
    $password = (string) ($_POST['password'] ?? '');
    $want = $host->config['host_password'];
    if ($want === '') {
        throw new Refusal(403, 'login_off', '演示登录未开放：请在设置中填写 host_password，或接入平台自己的登录');
    }
    $known = preg_match('/^\d{1,18}$/D', $uin) && $host->row('SELECT 1 FROM {user} WHERE {user.uin} = ?', [(int) $uin]);
    if (!hash_equals($want, $password) || !$known) {
        throw new Refusal(401, 'login', '账号或密码不正确');
    }
    session_start(['use_strict_mode' => 1, 'cache_limiter' => '']);
    session_regenerate_id(true); // nobody knows the new name in advance
    $_SESSION = ['uin' => (int) $uin, 'csrf' => bin2hex(random_bytes(16))];
    session_write_close();
}

function session_logout(): void
{
    session_start(['use_strict_mode' => 1, 'cache_limiter' => '']);
    $_SESSION = [];
    session_destroy();
}
