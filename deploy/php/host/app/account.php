<?php
/**
 * The owner's Official Account: user_wx_account. A channel's reminder goes to
 * the followers of its owner's account, and appids are public: what is saved
 * here decides who is written to.
 */
declare(strict_types=1);

use Pushd\Platform\Gate;

const ACCOUNT_LABELS = ['appid' => 'AppID', 'secret' => 'AppSecret'];
const ACCOUNT_TAKEN = '该公众号已绑定其他账号。一个公众号只能绑定一个账号，请核对 AppID，或先在原账号中解除绑定。';
const ACCOUNT_WAIT = 5; // seconds to wait while another owner saves the same appid

/** The appid of an owner as it stands in the table, '' for none. */
function account_appid(Host $host, int $uin): string
{
    $row = $host->row('SELECT {user_wx_account.appid} AS appid FROM {user_wx_account} WHERE {user_wx_account.uin} = ?', [$uin]);
    return (string) ($row['appid'] ?? '');
}

/** Does another owner hold an appid, in this spelling or in another? */
function account_alike(Host $host, int $uin, string $appid): bool
{
    return (new Gate($host->connection()))->isAlike($uin, $appid);
}

/** Saves the owner's account, if it is theirs: WeChat takes the secret, and nobody else holds it. */
function account_save(Host $host, int $uin, array $body): void
{
    $f = new Fields($body, ACCOUNT_LABELS);
    $appid = wx_appid($f->text('appid', 200, true));
    $secret = $f->text('secret', 200, true);
    if (!wx_appid_valid($appid)) {
        $f->refuse('appid', 'AppID 只能由字母、数字、“-”和“_”组成，请从公众平台完整复制');
    }
    if (!preg_match('/^[\x21-\x7e]{1,128}$/D', $secret)) {
        $f->refuse('secret', 'AppSecret 中有不能使用的字符，请从公众平台完整复制');
    }
    if (account_alike($host, $uin, $appid)) {
        throw new Refusal(409, 'account_taken', ACCOUNT_TAKEN, 'appid');
    }
    account_prove($host, $appid, $secret);
    $unlock = $host->lock('account/' . strtolower($appid), ACCOUNT_WAIT);
    if ($unlock === null) {
        throw new Refusal(503, 'account_busy', '正在保存，请稍后再试');
    }
    try {
        // Looked at again: WeChat took its time. Where the table has no unique
        // key, the lock alone keeps two owners apart.
        if (account_alike($host, $uin, $appid) || !account_write($host, $uin, $appid, $secret)) {
            throw new Refusal(409, 'account_taken', ACCOUNT_TAKEN, 'appid');
        }
    } finally {
        $unlock();
    }
}

/** Asks WeChat for a token: who knows the secret holds the account. */
function account_prove(Host $host, string $appid, string $secret): void
{
    $known = [
        40001 => ['secret', 'AppSecret 不正确，或已被重置'],
        40125 => ['secret', 'AppSecret 不正确，或已被重置'],
        40013 => ['appid', 'AppID 不正确，请从公众平台完整复制'],
        40243 => ['secret', 'AppSecret 已被冻结，请先在公众平台解冻'],
        40164 => ['', '请先把本平台的 IP 加入公众号的 IP 白名单：微信公众平台 → 设置与开发 → 基本配置 → IP白名单'],
        89503 => ['', '本平台的 IP 正等待公众号管理员确认，请在微信中确认后再试'],
    ];
    try {
        wx_stable_token($host->config, $appid, $secret, false);
    } catch (WxTokenError $e) {
        error_log("account $appid: " . $e->getMessage());
        if (isset($known[$e->errcode])) {
            throw new Refusal(422, 'account_refused', $known[$e->errcode][1], $known[$e->errcode][0]);
        }
        throw new Refusal(502, 'wechat_refused', '微信暂时没有确认这个公众号，请稍后再试');
    }
}

/** Writes the owner's row; false if the table's unique key knows the appid already. */
function account_write(Host $host, int $uin, string $appid, string $secret): bool
{
    $row = [$appid, $secret, $uin];
    $new = $host->row('SELECT 1 FROM {user_wx_account} WHERE {user_wx_account.uin} = ?', [$uin]) === null
        && $host->unlessTwice('INSERT INTO {user_wx_account} ({user_wx_account.appid}, {user_wx_account.app_secret}, {user_wx_account.uin})
            VALUES (?, ?, ?)', $row);
    if (!$new && !$host->unlessTwice('UPDATE {user_wx_account} SET {user_wx_account.appid} = ?, {user_wx_account.app_secret} = ?
            WHERE {user_wx_account.uin} = ?', $row)) {
        return false;
    }
    return wx_appid(account_appid($host, $uin)) === $appid; // '': the insert met another owner's row
}
