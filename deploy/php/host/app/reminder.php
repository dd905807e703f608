<?php
/** How the reminder of a channel stands, and what it would come to. */
declare(strict_types=1);

const REMINDER_REASONS = [
    'ledger_went_back'        => '数据库曾被恢复到较早的状态，为避免重复发送，已暂停；请联系技术支持',
    'account_busy'            => '同一公众号的另一个提醒正在发送，稍后自动开始',
    'quota_exhausted'         => '今日发送额度已用完，0 点后自动继续',
    'token_unavailable'       => '取不到 access_token，请检查 AppSecret 和 IP 白名单；恢复后自动继续',
    'wechat_down'             => '微信暂时没有应答，恢复后自动继续',
    'account_mismatch'        => 'access_token、模板与公众号不匹配，请检查公众号设置',
    'channel_invalid'         => '频道的数据有误，改正后自动继续；请联系技术支持',
    'waiting_deferred'        => '只剩微信要求稍后再试的粉丝，会自动继续',
    'deadline_passed'         => '已过有效时间，未发送的不再发送',
    'canceled_by_user'        => '已被取消',
    'reminder_off'            => '发送期间开播提醒被关闭',
    'owner_disabled'          => '发送期间模板消息被停用',
    'channel_gone'            => '频道已删除',
    'start_moved'             => '开播时间已更改，将按新的时间另行提醒',
    'walk_incomplete'         => '粉丝列表没有取完整',
    'template_fields_unknown' => '不知道模板有哪些字段：请在“模板消息”中填写并保存',
    'template_missing'        => '没有选择模板：请在“模板消息”中选择',
    'message_invalid'         => '消息内容有误：请在“模板消息”中检查每个字段',
    'wechat_refused'          => '微信拒绝了这条消息：请在“模板消息”中发送测试，查看原因',
    'too_many_failures'       => '失败过多，已停止',
    'ledger_mismatch'         => '统计不一致，请联系技术支持',
];

/** The state of a reminder: state (a word), text, and job or null. */
function reminder_state(Host $host, array $owner, array $channel): array
{
    if ($channel['live_notify_status'] !== 0) {
        return reminder_of_job($host, $owner, $channel);
    }
    $enabled = settings_find($host, $owner['uin'])['enabled'];
    $due = $channel['start_time'] - 60 * $channel['live_notify_time'];
    if (!$channel['live_notify']) {
        return reminder_is('off', '未开启提醒');
    }
    if ($channel['start_time'] + $host->config['grace'] <= time()) {
        return reminder_is('missed', '已过开播时间，没有发送');
    }
    if (!$enabled) {
        return reminder_is('disabled', '模板消息未启用，到时不会发送。请先在“模板消息”中启用');
    }
    if ($due <= time()) {
        return reminder_is('due', '即将发送（一分钟之内）');
    }
    return reminder_is('waiting', $host->clock($due, 'm月d日 H:i') . ' 发送');
}

function reminder_is(string $state, string $text, ?array $job = null): array
{
    return ['state' => $state, 'text' => $text, 'job' => $job];
}

/** What pushd tells of the reminder; without it the column must do. */
function reminder_of_job(Host $host, array $owner, array $channel): array
{
    $words = [1 => ['sending', '发送中'], 2 => ['done', '已完成']];
    list($state, $text) = $words[$channel['live_notify_status']] ?? ['failed', '未完成'];
    try {
        $list = pushd_call($host, 'GET', "/v1/jobs?limit=1&actid={$channel['id']}&appid=" . rawurlencode($owner['appid']), null, 5);
    } catch (Refusal $e) {
        return reminder_is($state, "{$text}（详情暂时无法获取）");
    }
    $job = $list['items'][0] ?? null;
    if (!is_array($job) || strtotime((string) $job['startTime']) !== $channel['start_time']) {
        return reminder_is($state, $text);
    }
    $short = reminder_job($host, $job);
    $reason = REMINDER_REASONS[$job['reason'] ?? ''] ?? '';
    if ($state === 'sending') {
        $states = ['queued' => '排队中', 'paused' => '已暂停', 'parked' => '等待中'];
        $text = $states[$job['state']] ?? $text;
    }
    return reminder_is($state, $text . ($reason !== '' ? "：$reason" : ''), $short);
}

/** The numbers of a job, for a progress bar. */
function reminder_job(Host $host, array $job): array
{
    $done = $job['sent'] + $job['skipped'] + $job['failed'] + $job['unknown'];
    $total = max((int) $job['total'], (int) $job['walked']);
    return [
        'state'   => $job['state'],
        'total'   => $total,
        'done'    => $done,
        'percent' => $total > 0 ? min(100, intdiv(100 * $done, $total)) : 0,
        'sent'    => $job['sent'],
        'skipped' => $job['skipped'],
        'failed'  => $job['failed'],
        'unknown' => $job['unknown'],
        'rate'    => (int) round($job['rate']),
        'eta'     => $job['eta'] === null ? '' : $host->clock((int) strtotime($job['eta']), 'H:i:s'),
        'finished' => $job['finishedAt'] === null ? '' : $host->clock((int) strtotime($job['finishedAt']), 'm月d日 H:i:s'),
    ];
}

/** What keeps a channel from being reminded of, but not an estimate from being made. */
const REMINDER_NOT_NOW = ['owner_disabled', 'reminder_off', 'already_notified', 'job_ended', 'deadline_passed'];

/** pushd's dry run in words: how many people, how long, how much quota. */
function reminder_estimate(Host $host, array $owner, array $body): array
{
    $f = new Fields($body, ['actid' => '频道', 'templateId' => '模板 ID']);
    $channel = channel_of_request($host, $owner, $f);
    $answer = pushd_call($host, 'POST', '/v1/jobs', [
        'dryRun' => true, 'actid' => $channel['id'], 'appid' => $owner['appid'], 'templateId' => $f->name('templateId'),
    ], 30);
    $problems = [];
    foreach ($answer['problems'] as $p) {
        if (!in_array($p['code'], REMINDER_NOT_NOW, true)) {
            $problems[] = ['code' => $p['code'], 'message' => pushd_chinese($p['code'], $p['detail'])];
        }
    }
    return [
        'people'   => $answer['total'],
        'seconds'  => $answer['estimateSeconds'],
        'duration' => $answer['estimateSeconds'] === null ? '' : reminder_duration($answer['estimateSeconds']),
        'quota'    => $answer['quotaRemain'],
        'problems' => $problems,
    ];
}

function reminder_duration(int $seconds): string
{
    if ($seconds < 60) {
        return '不到 1 分钟';
    }
    $minutes = intdiv($seconds + 59, 60);
    return $minutes < 120 ? "约 $minutes 分钟" : '约 ' . round($minutes / 60, 1) . ' 小时';
}

/** The channel that a request names, or the owner's newest. */
function channel_of_request(Host $host, array $owner, Fields $f): array
{
    if ($f->has('actid')) {
        return channel_find($host, $owner['uin'], $f->number('actid', 1, 999999999999));
    }
    $all = channel_list($host, $owner['uin']);
    if ($all === []) {
        $f->refuse('actid', '请先创建一个频道：预览、测试和估算都要用到频道的标题和时间');
    }
    return $all[0];
}
