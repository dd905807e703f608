<?php
/**
 * The access tokens of the platform's WeChat accounts: the one place that
 * asks WeChat for them. Everything on the platform that needs a token should
 * call wx_token().
 * 平台上所有需要 access_token 的地方都应调用 wx_token()，不要各自去取。
 */
declare(strict_types=1);

use Pushd\Platform\Schema\TooOld;

// WeChat keeps a token of stable_token until five minutes before its end;
// from then on it gives the next one, and both work.
const WX_TOKEN_MARGIN = 300;
// WeChat's limits of force_refresh: 20 a day, 30 seconds apart.
const WX_FORCE_PER_DAY = 20;
const WX_FORCE_APART = 30;
// How long a request for a token may wait, for another request and for WeChat.
// pushd hangs up after ten seconds, and would not hear the reason.
const WX_TOKEN_SECONDS = 8;
// How long an account's lock is held at most by one who has died.
const WX_LOCK_SECONDS = 20;
// How long what WeChat refused is not asked for again.
const WX_FAILED_SECONDS = 5;

/**
 * Answers a request for a token: status, headers and body (for JSON). token.php
 * is this and nothing else; a framework calls it with what it has of $_SERVER and
 * $_GET. See token.php for the request.
 *
 * $source, where the platform keeps tokens itself, is called in place of
 * wx_token() with the appid and what was rejected (see wx_token_is). It returns
 * access_token and expires_in, or null where it does not know the account.
 */
function wx_token_endpoint(array $server, array $query, ?callable $source = null): array
{
    $headers = ['Cache-Control' => 'no-store'];
    $code = 1;
    try {
        $config = pushd_config();
        $token = wx_token_asked($config, $server, $query, $source);
        return ['status' => 200, 'headers' => $headers, 'body' => $token];
    } catch (WxTokenError $e) {
        $headers += $e->headers + ($e->retryAfter > 0 ? ['Retry-After' => (string) $e->retryAfter] : []);
        list($status, $text) = [$e->getCode(), $e->getMessage()];
        $code = $e->errcode !== 0 ? $e->errcode : 1;
    } catch (PushdConfigError $e) {
        error_log('pushd token endpoint: ' . $e->getMessage());
        list($status, $text) = [500, 'settings: ' . $e->getMessage()];
    } catch (TooOld $e) {
        error_log('pushd token endpoint: ' . $e->getMessage());
        list($status, $text) = [500, 'the tables of the token endpoint are older than its files: run php migrate.php'];
    } catch (PDOException $e) {
        error_log('pushd token endpoint: ' . $e->getMessage());
        list($status, $text) = [503, 'the database of the token endpoint does not answer; see the error log of PHP'];
    } catch (Throwable $e) {
        error_log('pushd token endpoint: ' . $e->getMessage());
        list($status, $text) = [500, 'the token endpoint failed; see the error log of PHP'];
    }
    return ['status' => $status, 'headers' => $headers, 'body' => ['code' => $code, 'msg' => $text]];
}

/** Checks a request and returns the token that it asks for. */
function wx_token_asked(array $config, array $server, array $query, ?callable $source): array
{
    if (trim($config['token_key'], ', ') === '') {
        throw new PushdConfigError('token_key is not set'); // no key would open the endpoint to everybody
    }
    if (($server['REQUEST_METHOD'] ?? '') !== 'GET') {
        $error = new WxTokenError('use GET', 405);
        $error->headers = ['Allow' => 'GET'];
        throw $error;
    }
    if (!wx_token_authorized($config['token_key'], $server)) {
        throw new WxTokenError('wrong or missing key: PUSHD_TOKEN_KEY must be the same here and in pushd', 401);
    }
    $appid = $query['appid'] ?? '';
    if (!is_string($appid) || !wx_appid_valid($appid)) {
        throw new WxTokenError('appid is missing or malformed', 400);
    }
    $rejected = $query['rejected'] ?? '';
    if (!is_string($rejected) || !preg_match('/^([0-9a-f]{16})?$/D', $rejected)) {
        throw new WxTokenError('rejected must be 16 hex digits', 400);
    }
    // actid is not needed: on this platform an appid has one secret.
    if ($source === null) {
        return wx_token(pushd_db($config), $config, $appid, $rejected);
    }
    $token = $source($appid, $rejected);
    if ($token === null) {
        throw new WxTokenError('unknown appid', 404);
    }
    if (!is_string($token['access_token'] ?? null) || $token['access_token'] === '' || (int) ($token['expires_in'] ?? 0) <= 0) {
        throw new WxTokenError('the platform has no access token of this account now', 502);
    }
    return ['access_token' => $token['access_token'], 'expires_in' => (int) $token['expires_in']];
}

/** Does the request carry one of the keys? Apache tends to drop Authorization. */
function wx_token_authorized(string $keys, array $server): bool
{
    $given = [(string) ($server['HTTP_X_PUSHD_KEY'] ?? '')];
    foreach (['HTTP_AUTHORIZATION', 'REDIRECT_HTTP_AUTHORIZATION'] as $name) {
        if (preg_match('/^Bearer +(\S+)$/i', (string) ($server[$name] ?? ''), $m)) {
            $given[] = $m[1];
        }
    }
    $ok = false;
    foreach (array_filter(array_map('trim', explode(',', $keys)), 'strlen') as $key) {
        foreach ($given as $try) {
            $ok = hash_equals($key, $try) || $ok;
        }
    }
    return $ok;
}

/** Is a token the one that was rejected? $rejected: 16 hex digits, or '' for none. */
function wx_token_is(string $token, string $rejected): bool
{
    return $rejected !== '' && hash_equals(wx_token_fingerprint($token), $rejected);
}

/**
 * The one spelling of an appid: without the blanks that came along when it was
 * pasted. pushd reads it so, too. All else counts, byte for byte, whatever the
 * database takes for the same ("wx1", "WX1", "wx1 ").
 */
function wx_appid(string $text): string
{
    return preg_replace('/^[\s\p{Z}\x{85}]+|[\s\p{Z}\x{85}]+$/u', '', $text) ?? trim($text);
}

/** Can an account be called that? */
function wx_appid_valid(string $appid): bool
{
    return (bool) preg_match('/^[A-Za-z0-9_-]{1,64}$/D', $appid);
}

/** There is no token. The code is the HTTP status to answer; the text holds no secret. */
final class WxTokenError extends Exception
{
    /** Seconds until asking again can help; 0 = unknown. */
    public $retryAfter = 0;
    /** What WeChat gave as the reason; 0 = nothing. */
    public $errcode = 0;
    /** The same in WeChat's words, ASCII, without what to do about it. */
    public $errmsg = '';
    /** Further headers of the answer, by name. */
    public $headers = [];
}

/**
 * Returns the token of an account as WeChat names it: access_token and
 * expires_in, the true seconds left. $rejected: the first 16 hex digits of
 * sha256 of a token that WeChat refused, or ''. Not to be called within a
 * transaction: the others could not see who fetches the token.
 */
function wx_token(PDO $db, array $config, string $appid, string $rejected = ''): array
{
    $until = microtime(true) + WX_TOKEN_SECONDS;
    $secret = wx_secret($db, $config, $appid);
    $appid = wx_appid($appid);
    $row = wx_token_of_secret(wx_token_row($db, $appid), $secret);
    if (!wx_token_settled($row, $rejected)) {
        $leave = wx_token_place($config['token_parallel']);
        $unlock = wx_token_lock($db, $appid, $config['lock_wait']);
        if ($unlock === null) {
            $error = new WxTokenError('another request is fetching this token and takes too long; ask again', 503);
            $error->retryAfter = 2;
            throw $error;
        }
        try {
            // Whoever held the lock before may have fetched it meanwhile, or
            // have heard why there is none.
            $row = wx_token_of_secret(wx_token_row($db, $appid), $secret);
            if (!wx_token_settled($row, $rejected)) {
                $row = wx_token_renew($db, $config, $row, $secret, $rejected, $until);
            }
        } finally {
            $unlock();
            $leave();
        }
    }
    return ['access_token' => $row['access_token'], 'expires_in' => $row['expires_at'] - time()];
}

/**
 * May the row be answered without asking WeChat? Throws what WeChat said a moment
 * ago, where it gave no token: whoever waits hears it at once, and not each after
 * a question of their own.
 */
function wx_token_settled(array $row, string $rejected): bool
{
    if (wx_token_usable($row, $rejected)) {
        return true;
    }
    $age = time() - $row['failed_at'];
    if ($age < 0 || $age >= WX_FAILED_SECONDS) {
        return false;
    }
    if (wx_token_alive($row, $rejected)) {
        return true; // the last minutes of the old one are better than nothing
    }
    if ($row['access_token'] !== '') {
        return false; // the refused one has to be dropped first
    }
    $error = wx_token_refused($row['failed_code'], $row['failed_text']);
    $error->retryAfter = WX_FAILED_SECONDS - $age;
    throw $error;
}

/**
 * Takes one of the places of this machine for requests that wait for WeChat, and
 * returns the function that gives it back. PHP's workers are shared with the
 * platform's pages: whoever finds no place is told to come again, in place of
 * taking one more worker. When the process dies the place is free.
 */
function wx_token_place(int $places): callable
{
    $user = function_exists('posix_geteuid') ? posix_geteuid() : 0;
    $first = random_int(0, $places - 1);
    for ($i = 0; $i < $places; $i++) {
        $file = @fopen(sprintf('%s/pushd-token-%s-%d-%d.lock', sys_get_temp_dir(), md5(__DIR__), $user, ($first + $i) % $places), 'c');
        if ($file === false || flock($file, LOCK_EX | LOCK_NB)) {
            return function () use ($file) { // without a directory for locks there is no limit
                if ($file !== false) {
                    flock($file, LOCK_UN);
                }
            };
        }
        fclose($file);
    }
    $error = new WxTokenError("$places requests wait for WeChat here already (token_parallel); ask again", 429);
    $error->retryAfter = 1;
    throw $error;
}

/**
 * The secret of an account. Two owners who hold one appid with different secrets,
 * or one of them with none, can't both be right: neither gets the other's token.
 */
function wx_secret(PDO $db, array $config, string $text): string
{
    $secrets = array_unique(wx_secrets($db, $config, $text));
    if ($secrets === []) {
        throw new WxTokenError('unknown appid', 404);
    }
    if (count($secrets) > 1) {
        throw new WxTokenError('several owners hold this appid, with different secrets; an account belongs to one owner', 409);
    }
    return $secrets[0];
}

/**
 * The secrets of all who hold this very appid. $text is the appid as somebody
 * keeps it: with blanks that the database compares and pushd does not.
 */
function wx_secrets(PDO $db, array $config, string $text): array
{
    $appid = wx_appid($text);
    $secrets = [];
    if (!wx_appid_valid($appid)) {
        return []; // nobody's; and columns of ASCII compare with ASCII alone
    }
    foreach (array_unique([$appid, $text]) as $spelling) {
        foreach (pushd_query($db, $config['account_query'], [$spelling])->fetchAll() as $row) {
            // The database may have found other spellings. A query of your own
            // that does not give the appid has to compare it itself.
            $row = array_change_key_case($row);
            if (!array_key_exists('appid', $row) || wx_appid((string) $row['appid']) === $appid) {
                $secrets[] = trim((string) reset($row)); // pasted with blanks or line ends
            }
        }
    }
    return $secrets;
}

/** The row, if this secret earned its token, else one without a token. */
function wx_token_of_secret(array $row, string $secret): array
{
    if (!hash_equals($row['secret_hash'], wx_secret_hash($secret))) {
        $row['access_token'] = '';
        $row['secret_hash'] = wx_secret_hash($secret);
    }
    return $row;
}

function wx_secret_hash(string $secret): string
{
    return substr(hash('sha256', 'wx_access_token/' . $secret), 0, 32);
}

/**
 * The token that is cached, if it has not expired, or null. It calls nobody.
 * Throws if it is not certain whose the account is.
 */
function wx_token_cached(PDO $db, array $config, string $appid): ?array
{
    try {
        $secret = wx_secret($db, $config, $appid);
        $row = wx_token_of_secret(wx_token_row($db, wx_appid($appid)), $secret);
    } catch (WxTokenError $e) {
        if ($e->getCode() === 409) {
            throw $e;
        }
        return null; // pushd will ask token.php, and hear why
    }
    if (!wx_token_usable($row, '')) {
        return null;
    }
    return ['access_token' => $row['access_token'], 'expires_in' => $row['expires_at'] - time()];
}

/**
 * Takes the right to ask WeChat for an account's token, for WX_LOCK_SECONDS at
 * most, and returns the function that gives it back; null if it was not free in
 * time. It is kept in the account's row and judged by the affected rows, for
 * GET_LOCK is one node's alone in a cluster, refused by some, and lost behind a
 * proxy.
 */
function wx_token_lock(PDO $db, string $appid, int $wait): ?callable
{
    $me = bin2hex(random_bytes(8));
    $until = microtime(true) + min($wait, WX_TOKEN_SECONDS);
    while (!wx_token_lock_try($db, $appid, $me)) {
        if (microtime(true) >= $until) {
            return null;
        }
        usleep(random_int(50000, 150000));
    }
    return function () use ($db, $appid, $me) {
        try {
            pushd_query($db, "UPDATE wx_access_token SET busy_until = 0, busy_by = '' WHERE appid = ? AND busy_by = ?", [$appid, $me]);
        } catch (PDOException $e) { // it ends by itself; who has a token shall get it
            error_log('pushd token endpoint: ' . $e->getMessage());
        }
    };
}

function wx_token_lock_try(PDO $db, string $appid, string $me): bool
{
    $spellings = pushd_query($db, 'SELECT appid FROM wx_access_token WHERE appid = ?', [$appid])->fetchAll(PDO::FETCH_COLUMN);
    if ($spellings === []) {
        try {
            pushd_query($db, 'INSERT INTO wx_access_token (appid) VALUES (?)', [$appid]);
        } catch (PDOException $e) {
            if (!in_array($e->errorInfo[1] ?? 0, [1062, 19], true)) { // MySQL, SQLite: somebody was faster
                throw $e;
            }
        }
    } elseif (!in_array($appid, $spellings, true)) {
        // A table that takes two spellings for one holds no row for both
        // (docs/host.md mends it): it is the other's, and so is its lock.
        return true;
    }
    $now = time();
    // A mark beyond what anybody takes was written by a clock that was ahead.
    return pushd_query($db, 'UPDATE wx_access_token SET busy_until = ?, busy_by = ?
        WHERE appid = ? AND (busy_until <= ? OR busy_until > ?)',
        [$now + WX_LOCK_SECONDS, $me, $appid, $now, $now + WX_LOCK_SECONDS])->rowCount() === 1;
}

function wx_token_fingerprint(string $token): string
{
    return substr(hash('sha256', $token), 0, 16);
}

/** The account's row, with zeros where there is none yet. */
function wx_token_row(PDO $db, string $appid): array
{
    $row = [];
    foreach (pushd_query($db, 'SELECT * FROM wx_access_token WHERE appid = ?', [$appid])->fetchAll() as $found) {
        $row = $found['appid'] === $appid ? $found : $row; // not another spelling's
    }
    return [
        'appid'        => $appid,
        'access_token' => (string) ($row['access_token'] ?? ''),
        'expires_at'   => (int) ($row['expires_at'] ?? 0),
        'fetched_at'   => (int) ($row['fetched_at'] ?? 0),
        'forced_at'    => (int) ($row['forced_at'] ?? 0),
        'force_day'    => (int) ($row['force_day'] ?? 0),
        'force_count'  => (int) ($row['force_count'] ?? 0),
        'secret_hash'  => (string) ($row['secret_hash'] ?? ''),
        'failed_at'    => (int) ($row['failed_at'] ?? 0),
        'failed_code'  => (int) ($row['failed_code'] ?? 0),
        'failed_text'  => (string) ($row['failed_text'] ?? ''),
        'busy_by'      => (string) ($row['busy_by'] ?? ''),
    ];
}

/**
 * Stores a row, as long as the lock is still that of who read it. One that is
 * another spelling's is taken over only with a token.
 */
function wx_token_save(PDO $db, array $row): void
{
    list($appid, $me) = [$row['appid'], $row['busy_by']];
    if ($me === '' && $row['access_token'] === '') {
        return;
    }
    if ($me === '') {
        $row += ['busy_until' => 0];
        pushd_query($db, 'REPLACE INTO wx_access_token (' . implode(', ', array_keys($row)) . ')
            VALUES (?' . str_repeat(', ?', count($row) - 1) . ')', array_values($row));
        return;
    }
    unset($row['appid'], $row['busy_by']);
    $set = implode(' = ?, ', array_keys($row)) . ' = ?';
    pushd_query($db, "UPDATE wx_access_token SET $set WHERE appid = ? AND busy_by = ?", array_merge(array_values($row), [$appid, $me]));
}

/** Is the cached token good, and not about to end? */
function wx_token_usable(array $row, string $rejected): bool
{
    return wx_token_alive($row, $rejected) && $row['expires_at'] > time() + WX_TOKEN_MARGIN;
}

/** Is there a token that nobody complained about and that has not expired? */
function wx_token_alive(array $row, string $rejected): bool
{
    return $row['access_token'] !== ''
        && $row['expires_at'] > time()
        && !wx_token_is($row['access_token'], $rejected);
}

/** Fetches a token, until a time at the latest, and stores it. The caller holds the lock. */
function wx_token_renew(PDO $db, array $config, array $row, string $secret, string $rejected, float $until): array
{
    if ($row['access_token'] !== '' && !wx_token_alive($row, $rejected)) {
        // Whatever WeChat says now, nobody gets the refused one from us.
        $row['access_token'] = '';
        wx_token_save($db, $row);
    }
    try {
        $new = wx_stable_token($config, $row['appid'], $secret, false, $until);
        if (wx_token_is($new['access_token'], $rejected)) {
            $row = wx_token_count_force($row);
            wx_token_save($db, $row); // before the call: WeChat counts also what we get no answer to
            $new = wx_stable_token($config, $row['appid'], $secret, true, $until);
        }
    } catch (WxTokenError $e) {
        if ($e->getCode() === 502) { // WeChat's doing
            $row['failed_at'] = time();
            $row['failed_code'] = $e->errcode;
            $row['failed_text'] = $e->errmsg;
            wx_token_save($db, $row);
        }
        if (wx_token_alive($row, $rejected)) {
            return $row; // the last minutes of the old one are better than nothing
        }
        throw $e;
    }
    $row['access_token'] = $new['access_token'];
    $row['expires_at'] = $new['expires_at'];
    $row['fetched_at'] = time();
    $row['failed_at'] = 0;
    try {
        wx_token_save($db, $row);
    } catch (PDOException $e) { // the token is good all the same, and WeChat gives it again
        error_log('pushd token endpoint: ' . $e->getMessage());
    }
    return $row;
}

/** Counts one force_refresh, or throws if WeChat would not allow it. */
function wx_token_count_force(array $row): array
{
    $now = time();
    $today = intdiv($now + 8 * 3600, 86400); // WeChat's day begins at 00:00 in Beijing
    $error = null;
    // A mark that lies in the future was written by a clock that was ahead.
    if ($row['forced_at'] <= $now && $now < $row['forced_at'] + WX_FORCE_APART) {
        $error = new WxTokenError('WeChat gives the refused token again, and force_refresh was used less than 30 s ago', 503);
        $error->retryAfter = $row['forced_at'] + WX_FORCE_APART - $now;
    } elseif ($row['force_day'] === $today && $row['force_count'] >= WX_FORCE_PER_DAY) {
        $error = new WxTokenError('WeChat gives the refused token again, and force_refresh is used up for today (20 a day): '
            . 'find out who resets the secret or refreshes this token', 503);
        $error->retryAfter = 86400 - ($now + 8 * 3600) % 86400;
    }
    if ($error !== null) {
        throw $error;
    }
    $row['force_count'] = $row['force_day'] === $today ? $row['force_count'] + 1 : 1;
    $row['force_day'] = $today;
    $row['forced_at'] = $now;
    return $row;
}

/**
 * Asks WeChat. In normal mode it gives the same token again until shortly
 * before its end, so that nobody's token is taken away.
 * https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken
 */
function wx_stable_token(array $config, string $appid, string $secret, bool $force, ?float $until = null): array
{
    $asked = time();
    $seconds = $until === null ? WX_TOKEN_SECONDS : max(1, $until - microtime(true));
    $answer = pushd_post(curl_init(), wx_stable_token_url($config), [],
        wx_stable_token_body($appid, $secret, $force), $seconds);
    return wx_stable_token_read($answer, $secret, $asked);
}

/** Where WeChat is asked. */
function wx_stable_token_url(array $config): string
{
    pushd_check_url($config, 'wechat_url');
    return $config['wechat_url'] . '/cgi-bin/stable_token';
}

/** What WeChat is asked. */
function wx_stable_token_body(string $appid, string $secret, bool $force): array
{
    return ['grant_type' => 'client_credential', 'appid' => $appid, 'secret' => $secret, 'force_refresh' => $force];
}

/** Reads WeChat's answer (see pushd_answer) to who asked at that time. */
function wx_stable_token_read(array $answer, string $secret, int $asked): array
{
    $json = $answer['json'] ?? [];
    $token = $json['access_token'] ?? '';
    $seconds = (int) ($json['expires_in'] ?? 0);
    if (is_string($token) && preg_match('/^[\x21-\x7e]{1,1024}$/D', $token) && $seconds > 0) {
        return ['access_token' => $token, 'expires_at' => $asked + $seconds];
    }
    $code = is_int($json['errcode'] ?? null) ? $json['errcode'] : 0;
    if ($code !== 0) {
        $text = is_string($json['errmsg'] ?? null) ? $json['errmsg'] : '';
    } else {
        $text = $answer['error'] !== '' ? $answer['error'] : 'HTTP ' . $answer['status'];
    }
    throw wx_token_refused($code, $secret === '' ? $text : str_replace($secret, '***', $text));
}

/** The error for what WeChat said in place of a token; code 0: nothing that is of use. */
function wx_token_refused(int $code, string $text): WxTokenError
{
    // What is to be done stands behind it, and must not be cut off.
    $text = substr(preg_replace('/[^\x20-\x7e]/', '?', $text), 0, 200);
    $error = new WxTokenError($code !== 0
        ? "WeChat refused: errcode $code $text" . wx_hint($code)
        : "WeChat gave no usable answer: $text", 502);
    $error->errcode = $code;
    $error->errmsg = $text;
    return $error;
}

/** What to do about an errcode, in plain words. */
function wx_hint(int $code): string
{
    $hints = [
        40164 => 'the IP address named above is not in the IP whitelist of this Official Account. '
            . 'Add the public IP of this server: 微信公众平台 → 设置与开发 → 基本配置 → IP白名单',
        89503 => 'this IP address waits for the account administrator\'s consent in WeChat (管理员确认)',
        40001 => 'the app secret is wrong or was reset (AppSecret 错误或已被重置)',
        40125 => 'the app secret is wrong or was reset (AppSecret 错误或已被重置)',
        40013 => 'the appid is wrong (AppID 错误)',
        40243 => 'the app secret is frozen; thaw it in WeChat\'s console (AppSecret 已被冻结)',
        45009 => 'the daily quota of this call is used up (当日调用次数已用完)',
    ];
    return isset($hints[$code]) ? '. What to do: ' . $hints[$code] : '';
}
