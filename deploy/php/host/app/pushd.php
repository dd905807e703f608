<?php
/**
 * pushd's API, called with the key that only the server knows. Its refusals
 * are in English for developers; here they become Chinese for owners.
 */
declare(strict_types=1);

use Pushd\Platform\Api\PushdClient;
use Pushd\Platform\Config;

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
    $look = $method === 'GET' || substr($path, -8) === '/preview';
    if ($look && saved_at($host, PUSHD_AWAY, 0) > time() - PUSHD_REST) {
        throw new Refusal(502, 'pushd_unreachable', PUSHD_UNREACHABLE);
    }
    $answer = (new PushdClient(Config::checked($host->config)))->call($method, $path, $body, $timeout);
    if ($answer->status === 0) {
        saved_set($host, PUSHD_AWAY, 0, time());
    }
    if ($answer->status >= 200 && $answer->status < 300 && $answer->json !== null) {
        return $answer->json;
    }
    throw pushd_refusal($host, $answer->status, $answer->json ?? [], $answer->error);
}

/** A refusal of pushd, in Chinese. */
function pushd_refusal(Host $host, int $status, array $problem, string $error = ''): Refusal
{
    $code = is_string($problem['code'] ?? null) ? $problem['code'] : '';
    $field = is_string($problem['field'] ?? null) ? $problem['field'] : '';
    if ($code === '' || $status === 401 || $status === 0) {
        error_log("pushd answered HTTP $status; check url and api_key" . ($error !== '' ? ": $error" : ''));
        return new Refusal(502, 'pushd_unreachable', PUSHD_UNREACHABLE);
    }
    if ($status >= 500 && $code !== 'token_unavailable' && $code !== 'wechat_refused') {
        return new Refusal(503, $code, '推送服务暂时不可用，请稍后再试');
    }
    $text = pushd_chinese($code, $problem);
    $from = is_string($problem['notBefore'] ?? null) ? strtotime($problem['notBefore']) : false;
    return new Refusal($status, $code, $from === false ? $text : "{$text}。最早 " . $host->clock($from, 'm月d日 H:i') . ' 可以发送', $field);
}

/** A refusal, or a problem of a dry run, in words: by its reason, or else by its code. */
function pushd_chinese(string $code, array $problem): string
{
    $reason = is_string($problem['reason'] ?? null) ? $problem['reason'] : '';
    $params = array_filter(is_array($problem['params'] ?? null) ? $problem['params'] : [], 'is_string');
    if ($reason === 'wechat') {
        return wechat_answer((int) ($params['errcode'] ?? 0));
    }
    return pushd_reason($reason, $params) ?: pushd_words($code);
}

/** A reason of pushd's in words, '' for one that is not known here. */
function pushd_reason(string $reason, array $params): string
{
    $limit = $params['limit'] ?? '';
    $what = PUSHD_FACTS[$params['what'] ?? ''] ?? '内容';
    switch ($reason) {
        case 'too_long':
            return isset($params['have']) ? "固定文字有 {$params['have']} 个字，微信最多接受 $limit 个" : "内容过长，最多 $limit 个字符";
        case 'unknown_placeholder':
            return '不认识的占位符 ' . ($params['found'] ?? '') . '，可用的有 {{title}}、{{startTime}}、{{minutes}}、{{url}}';
        case 'template_mark':
            return '{{….DATA}} 是模板自己的标记，请填到“模板内容”里，这里请写文字或占位符';
        case 'no_such_field':
            return '模板中没有这个字段，它的字段是：' . ($params['fields'] ?? '');
        case 'field_missing':
            return '缺少“' . (($params['label'] ?? '') ?: ($params['key'] ?? '')) . '”：微信要求填写每个字段';
        case 'unfit':
            return PUSHD_TYPES[$params['type'] ?? ''] ?? '内容不符合这个字段的类型';
        case 'channel_lacks':
            return "直播没有{$what}";
        case 'channel_invisible':
            return "直播的{$what}中没有微信能显示的字";
        case 'malformed':
            return PUSHD_WANTED[$params['want'] ?? ''] ?? '格式不正确';
        case 'out_of_range':
            return '必须在 ' . ($params['low'] ?? '') . ' 到 ' . ($params['high'] ?? '') . ' 之间';
        case 'too_many':
            return "最多 $limit 项";
    }
    return PUSHD_REASONS[$reason] ?? '';
}

const PUSHD_REASONS = [
    'required'        => '必须填写',
    'unknown_field'   => '未知的字段',
    'empty'           => '不能为空：微信不接受空值',
    'invisible'       => '这些字符微信都不显示',
    'content_needed'  => '微信没有列出此模板。请从公众平台的模板详情中，复制“详细内容”粘贴到这里（带有 {{thing1.DATA}} 的那几行）',
    'nothing_to_fill' => '还没有填写这个字段',
];
const PUSHD_FACTS = ['title' => '标题', 'startTime' => '开播时间', 'minutes' => '提前提醒的分钟数', 'url' => '观看地址'];
const PUSHD_WANTED = [
    'link' => '必须以 http:// 或 https:// 开头，或者写 {{url}}',
    'url'  => '必须以 http:// 或 https:// 开头，不能有空格',
    'path' => '必须是小程序的页面路径，不能有空格，例如 pages/live/index?id=1',
    'name' => '只能由字母、数字、“-”和“_”组成，请从公众平台完整复制',
    'text' => '必须是文字', 'number' => '必须是整数', 'object' => '格式不正确', 'boolean' => '只能是开或关',
    'field names' => '字段过多，或字段名不正确：请从公众平台重新复制模板内容',
];
const PUSHD_TYPES = [
    'number'           => '必须是数字，例如 15',
    'letter'           => '只能填英文字母',
    'symbol'           => '只能填符号，不能有文字和数字',
    'character_string' => '只能填数字、英文字母和符号，不能有中文',
    'time'             => '只能填 24 小时制的时间，例如 20:00，或者 {{startTime}}',
    'date'             => '只能填日期，例如 2026年03月01日，或者 {{startTime}}',
    'amount'           => '只能填金额，例如 ¥39.8 或 39.8元',
    'phone_number'     => '只能填电话号码：数字和符号',
    'phrase'           => '只能填汉字，不能有字母、数字和符号',
];

/** A code of pushd's in words. */
function pushd_words(string $code): string
{
    return PUSHD_WORDS[$code] ?? "推送服务拒绝了请求（{$code}），请联系平台管理员";
}

const PUSHD_WORDS = [
    'malformed_body'          => '请求有误，请刷新页面后再试',
    'invalid_request'         => '填写的内容有误，请检查后再试',
    'not_found'               => '模板 ID 或 AppID 不正确，请从公众平台完整复制',
    'body_too_large'          => '内容过长，请缩短后再试',
    'request_timeout'         => '网络较慢，请再试一次',
    'template_fields_unknown' => '不知道模板有哪些字段：请先粘贴模板内容并填写每个字段',
    'template_missing'        => '还没有选择模板',
    'message_invalid'         => '消息内容有误，请检查每个字段',
    'channel_not_found'       => '直播不存在',
    'channel_invalid'         => '直播的数据有误，请联系平台管理员',
    'job_not_found'           => '没有找到这次发送',
    'recipient_not_found'     => '这次发送没有包括这位粉丝',
    'record_purged'           => '发送记录已过保留期，不能继续，只能重新发送',
    'audience_unavailable'    => '取不到提醒对象的名单：标签可能已被删除，或平台还没有开通“订阅者”，请换一个提醒对象',
    'audience_differs'        => '这场提醒正在发给另一组人，请先停止，再重新发送',
    'appid_mismatch'          => '直播属于另一个公众号',
    'token_unavailable'       => '取不到公众号的 access_token：请检查 AppSecret 和 IP 白名单',
    'reminder_off'            => '直播没有开启开播提醒',
    'owner_disabled'          => '开播提醒没有启用',
    'already_notified'        => '本场直播已经提醒过',
    'message_differs'         => '本场直播的提醒正在发送，内容与本次不同',
    'job_ended'               => '本场直播的提醒已经结束',
    'job_differs'             => '提醒的状态已经变化，没有执行。请看清最新状态后再操作。',
    'job_active'              => '本场直播的提醒正在发送，请等它结束',
    'job_not_paused'          => '发送没有暂停，不能修改',
    'too_soon'                => '距离这个公众号的上一次提醒太近，请过一会儿再发',
    'too_many_today'          => '这个公众号今天的提醒次数已用完，明天 0 点后才能再发',
    'quiet_hours'             => '现在是不发送的时段，而且在它结束之前提醒就过了有效时间',
    'nothing_to_retry'        => '没有可以再发的粉丝',
    'deadline_passed'         => '已过提醒的有效时间',
    'held'                    => '这个公众号的发送已被暂停，提醒会一直等待，直到平台管理员恢复',
    'wechat_down'             => '微信暂时没有应答，请稍后再试',
    'wechat_refused'          => '微信拒绝了请求，请稍后再试',
    'quota_short'             => '今日剩余的发送额度不够，余下的会在明天 0 点后继续，直到有效时间结束',
    'audience_odd'            => '名单里有些不是有效的粉丝编号，不会发给他们，请联系平台管理员',
    // Not the owner's doing: the platform's set-up.
    'unauthorized'            => '推送服务的密钥不正确，请联系平台管理员',
    'read_only_key'           => '推送服务的密钥没有写权限，请联系平台管理员',
    'forbidden_origin'        => '推送服务的设置有误，请联系平台管理员',
    'method_not_allowed'      => '推送服务的版本不符，请联系平台管理员',
    'unsupported_media_type'  => '推送服务的版本不符，请联系平台管理员',
    'bad_signature'           => '微信回执的签名不正确，请联系平台管理员',
    'receipt_encrypted'       => '微信回执是加密的，请在公众平台把消息加解密方式改为“明文模式”',
    'internal_error'          => '推送服务出错了，请联系平台管理员',
    'unavailable'             => '推送服务暂时不可用，请稍后再试',
];
