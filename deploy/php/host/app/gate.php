<?php
/**
 * Who may use live reminders: edition standard or above, and an Official
 * Account. Every interface and every page of an owner passes here (see the
 * table in index.php), and so does what viewers may subscribe to.
 */
declare(strict_types=1);

use Pushd\Platform\Gate;

const GATE_EDITIONS = [0 => '免费版', 1 => '基础版', 2 => '标准版', 3 => '专业版'];
const GATE_ACCOUNT = [
    Gate::ACCOUNT_NONE      => '尚未配置公众号。请在“账户中心 → 公众号设置”中填写公众号的 AppID 和 AppSecret。',
    Gate::ACCOUNT_MALFORMED => '公众号的 AppID 不正确。请在“账户中心 → 公众号设置”中重新填写，AppID 请从公众平台完整复制。',
    Gate::ACCOUNT_TAKEN     => '该公众号已绑定其他账号。一个公众号只能绑定一个账号：请在“账户中心 → 公众号设置”中核对 AppID，或先在原账号中解除绑定。',
];

/** The owner: uin, edition, appid ('' where none may be used, and why: account). */
function gate_owner(Host $host, int $uin): array
{
    $owner = (new Gate($host->connection()))->owner($uin);
    if ($owner === null) {
        throw new Refusal(401, 'login', '账号不存在，请重新登录');
    }
    return $owner;
}

/** What is missing: code => what to do. Empty where the gate is open. */
function gate_missing(array $owner): array
{
    $missing = [];
    if ($owner['edition'] < Gate::EDITION) {
        $now = GATE_EDITIONS[$owner['edition']] ?? '未知版本';
        $missing['gate_edition'] = "开播提醒需要标准版或以上，当前为{$now}。请在“账户中心 → 版本升级”中升级后再使用。";
    }
    if ($owner['account'] !== '') {
        $missing['gate_account'] = GATE_ACCOUNT[$owner['account']];
    }
    return $missing;
}

/** Where an owner does what is missing: code => name and address. An address that the platform has not set is none. */
function gate_ways(Host $host): array
{
    $ways = ['gate_edition' => ['版本升级', $host->config['upgrade_url']], 'gate_account' => ['公众号设置', $host->config['account_url']]];
    return array_filter($ways, function (array $way): bool {
        return $way[1] !== '';
    });
}

/** Stops an owner who may not, saying which condition is not met and what to do. */
function gate_check(array $owner): void
{
    foreach (gate_missing($owner) as $code => $text) {
        throw new Refusal(403, $code, $text);
    }
}
