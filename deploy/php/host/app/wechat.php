<?php
/** What WeChat's error codes mean for an owner. */
declare(strict_types=1);

const WECHAT_REMEDIES = [
    40003 => '收件人不属于这个公众号：请检查“公众号”页的 AppID。',
    40013 => 'AppID 不正确：请在“公众号”页重新填写。',
    40037 => '模板可能已被删除：请在“模板消息”中重新选择模板，保存后点“继续发送”。',
    40066 => '跳转链接不正确：请在“模板消息”中修改“点击后打开”，保存后点“继续发送”。',
    40125 => 'AppSecret 不正确或已被重置：请在“公众号”页重新填写。',
    40164 => '平台的 IP 不在公众号的 IP 白名单中：请在公众平台的“基本配置”中加入。',
    40165 => '小程序页面路径不正确：请在“模板消息”中修改，保存后点“继续发送”。',
    41030 => '小程序页面路径不正确：请在“模板消息”中修改，保存后点“继续发送”。',
    45009 => '今日调用次数已用完：请在公众平台的“接口权限”中清零，或等到明天。',
    47003 => '微信不接受某个字段的内容：请在“模板消息”中修改并发送测试，成功后点“继续发送”。',
    48001 => '公众号没有模板消息的权限：需要已认证的服务号，并已开通模板消息。',
    48004 => '公众号的接口已被封禁：请登录公众平台查看“通知中心”。',
    50002 => '公众号被限制使用：请登录公众平台查看“通知中心”。',
];

/** An answer of WeChat's to a single call, such as a test message. */
function wechat_answer(int $code): string
{
    $said = [
        40003 => '这个微信号不属于当前公众号（40003）',
        40037 => '微信说模板 ID 不正确（40037）：模板可能已被删除，请重新选择',
        43004 => '对方没有关注公众号（43004）',
        43101 => '对方拒绝接收消息（43101）',
        43116 => '微信限制了此公众号发送模板消息（43116），请登录公众平台查看“通知中心”',
        45009 => '微信的今日调用次数已用完（45009），请在公众平台清零或明天再试',
        47003 => '微信不接受这个字段的内容（47003），请修改后再试',
        48001 => '公众号没有模板消息的权限（48001）：需要已认证的服务号',
    ];
    return $said[$code] ?? (isset(WECHAT_REMEDIES[$code]) ? "微信拒绝了（{$code}）：" . WECHAT_REMEDIES[$code]
        : ($code > 0 ? "微信拒绝了请求（{$code}），请稍后再试" : '微信暂时没有应答，请稍后再试'));
}

/** What to do about the answer that a job ended or waits for, '' if that is not known. */
function wechat_remedy(array $job): string
{
    // The detail names the code of a fatal answer; else it is the most frequent one.
    preg_match_all('/\b\d{5}\b/', (string) $job['detail'], $m);
    $counts = $job['errors'];
    arsort($counts);
    foreach (array_merge($m[0], array_keys($counts)) as $code) {
        if (isset(WECHAT_REMEDIES[(int) $code])) {
            return WECHAT_REMEDIES[(int) $code];
        }
    }
    return '';
}
