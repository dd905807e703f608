<?php
/**
 * pushd's API, called with the key that only the server knows. Its refusals
 * are in English for developers; here they become Chinese for owners.
 */
declare(strict_types=1);

const PUSHD_UNREACHABLE = '推送服务暂时没有应答，请稍后再试';
const PUSHD_AWAY = 'pushd_away';
const PUSHD_REST = 5; // seconds

/**
 * Calls pushd and returns its JSON. A refusal of pushd is a Refusal here. After
 * a call that had no answer, pages that only look don't wait for another one
 * for some seconds: each would hold a PHP worker. What changes something is
 * always tried.
 */
function pushd_call(Host $host, string $method, string $path, ?array $body = null, int $timeout = 15): array
{
    pushd_check_url($host->config, 'url');
    $look = $method === 'GET' || substr($path, -8) === '/preview';
    if ($look && saved_at($host, PUSHD_AWAY, 0) > time() - PUSHD_REST) {
        throw new Refusal(502, 'pushd_unreachable', PUSHD_UNREACHABLE);
    }
    $key = preg_replace('/^[A-Za-z0-9_-]{1,32}:/', '', trim(explode(',', trim($host->config['api_key'], ', '))[0]));
    $curl = curl_init($host->config['url'] . $path);
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST  => $method,
        CURLOPT_HTTPHEADER     => ['Authorization: Bearer ' . $key, 'Content-Type: application/json', 'Expect:'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_PROXY          => '', // not the environment's: the key is for pushd alone
        CURLOPT_CONNECTTIMEOUT => 3,
        CURLOPT_TIMEOUT        => $timeout,
    ]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES));
    }
    if ($host->config['ca_file'] !== '') {
        curl_setopt($curl, CURLOPT_CAINFO, $host->config['ca_file']);
    }
    $text = curl_exec($curl);
    if ($text === false) {
        saved_set($host, PUSHD_AWAY, 0, time());
    }
    $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    $json = $text === false ? null : json_decode($text, true);
    if ($status >= 200 && $status < 300 && is_array($json)) {
        return $json;
    }
    throw pushd_refusal($status, is_array($json) ? $json : [], curl_error($curl));
}

/** A refusal of pushd, in Chinese. */
function pushd_refusal(int $status, array $problem, string $error = ''): Refusal
{
    $code = is_string($problem['code'] ?? null) ? $problem['code'] : '';
    $field = is_string($problem['field'] ?? null) ? $problem['field'] : '';
    $detail = is_string($problem['detail'] ?? null) ? $problem['detail'] : '';
    if ($code === '' || $status === 401 || $status === 0) {
        error_log("pushd answered HTTP $status; check url and api_key" . ($error !== '' ? ": $error" : ''));
        return new Refusal(502, 'pushd_unreachable', PUSHD_UNREACHABLE);
    }
    if ($status >= 500 && $code !== 'token_unavailable' && $code !== 'wechat_refused') {
        return new Refusal(503, $code, '推送服务暂时不可用，请稍后再试');
    }
    return new Refusal($status, $code, pushd_chinese($code, $detail), $field);
}

/** pushd's words for owners: by what is said where it is known, else by code. */
function pushd_chinese(string $code, string $detail): string
{
    $known = [
        '/has (\d+) characters; WeChat takes (\d+)/' => '固定文字有 $1 个字，微信最多接受 $2 个',
        '/must not be empty/'                        => '不能为空：微信不接受空值',
        '/unknown placeholder (.+?);/s'             => '不认识的占位符 $1，可用的有 {{title}}、{{startTime}}、{{minutes}}、{{url}}',
        '/the template has no such field; it has (.*)/' => '模板中没有这个字段，它的字段是：$1',
        '/is missing \((.*?)\)/'                     => '缺少“$1”：微信要求填写每个字段',
        '/WeChat does not list this template/'       => '微信没有列出此模板。请从公众平台的模板详情中，复制“详细内容”粘贴到这里（带有 {{thing1.DATA}} 的那几行）',
        '/consists only of characters/'              => '这些字符微信都不显示',
        '/does not fit the type number/'             => '必须是数字，例如 15',
        '/does not fit the type letter/'             => '只能填英文字母',
        '/does not fit the type symbol/'             => '只能填符号，不能有文字和数字',
        '/does not fit the type character_string/'   => '只能填数字、英文字母和符号，不能有中文',
        '/does not fit the type time/'               => '只能填 24 小时制的时间，例如 20:00，或者 {{startTime}}',
        '/does not fit the type date/'               => '只能填日期，例如 2026年03月01日，或者 {{startTime}}',
        '/does not fit the type amount/'             => '只能填金额，例如 ¥39.8 或 39.8元',
        '/does not fit the type phone_number/'       => '只能填电话号码：数字和符号',
        '/does not fit the type phrase/'             => '只能填汉字，不能有字母、数字和符号',
        '/would be empty: the channel.s title/'      => '频道标题中没有微信能显示的字',
        '/would be empty: the channel has no title/' => '频道没有标题',
        '/would be empty: the channel has no start/' => '频道没有开播时间',
        '/would be empty: the channel has no live/'  => '频道没有设置提前提醒的分钟数',
        '/would be empty: the channel has no watch/' => '频道没有观看地址',
        '/must be an http or https URL/'             => '必须以 http:// 或 https:// 开头，或者写 {{url}}',
        '/\b40037\b/'                               => '微信说模板 ID 不正确（40037）：模板可能已被删除，请重新选择',
        '/\b47003\b/'                               => '微信不接受这个字段的内容（47003），请修改后再试',
        '/\b43004\b/'                               => '对方没有关注公众号（43004）',
        '/\b43101\b/'                               => '对方拒绝接收消息（43101）',
        '/^WeChat refuses the message: (.*)/s'         => '微信拒绝了这条消息：$1',
    ];
    foreach ($known as $pattern => $text) {
        if (preg_match($pattern, $detail, $m)) {
            return strtr($text, ['$1' => $m[1] ?? '', '$2' => $m[2] ?? '']);
        }
    }
    return pushd_words($code, $detail);
}

/** A code of pushd's in words. */
function pushd_words(string $code, string $detail = ''): string
{
    $byCode = [
        'template_fields_unknown' => '不知道模板有哪些字段：请先粘贴模板内容并填写每个字段',
        'template_missing'        => '还没有选择模板',
        'message_invalid'         => '消息内容有误，请检查每个字段',
        'channel_not_found'       => '频道不存在',
        'channel_invalid'         => '频道的数据有误，请联系技术支持',
        'appid_mismatch'          => '频道属于另一个公众号',
        'token_unavailable'       => '取不到公众号的 access_token：请检查 AppSecret 和 IP 白名单',
        'reminder_off'            => '频道没有开启开播提醒',
        'owner_disabled'          => '开播提醒没有启用',
        'already_notified'        => '本场直播已经提醒过',
        'message_differs'         => '本场直播的提醒正在发送，内容与本次不同',
        'job_ended'               => '本场直播的提醒已经结束',
        'deadline_passed'         => '已过提醒的有效时间',
        'quota_short'             => '今日剩余的发送额度不够，余下的会在明天 0 点后继续，直到有效时间结束',
    ];
    return $byCode[$code] ?? '推送服务拒绝了请求：' . ($detail !== '' ? $detail : $code);
}
