<?php
/** How the reminder of a channel stands, and what it would come to. */
declare(strict_types=1);

/** Why a job is in its state: in words, and what to do. held and quota_exhausted have functions of their own. */
const REMINDER_REASONS = [
    'ledger_went_back'        => ['数据库恢复过，为避免重复发送，已暂停', '请联系平台管理员确认后继续。'],
    'first_reached'           => ['已发给第一批，正在等您确认', '请看看第一批的结果，确认没有问题后点“继续发送”。到有效时间还没有确认，其余的人不会收到。'],
    'held'                    => ['已暂停发送', ''],
    'account_busy'            => ['同一公众号的另一个提醒正在发送，完成后自动开始', ''],
    'quiet_hours'             => ['现在是不发送的时段，时段结束后自动继续', '如果必须现在发送，请联系平台管理员。'],
    'quota_exhausted'         => ['今日发送额度已用完', ''],
    'token_unavailable'       => ['取不到公众号的 access_token', '请检查“公众号”页的 AppSecret，以及公众平台的 IP 白名单；恢复后自动继续。'],
    'wechat_down'             => ['微信暂时没有应答，恢复后自动继续', ''],
    'account_mismatch'        => ['公众号、模板与 access_token 不匹配', '请检查“公众号”页的 AppID，并在“模板消息”中重新选择模板。'],
    'channel_invalid'         => ['直播的数据有误', '请联系平台管理员；改正后自动继续。'],
    'waiting_deferred'        => ['只剩微信要求稍后再发的人，会自动继续', ''],
    'deadline_passed'         => ['已过有效时间，未发送的不再发送', ''],
    'canceled_by_user'        => ['已停止', ''],
    'reminder_off'            => ['发送期间关闭了开播提醒，已停止', ''],
    'owner_disabled'          => ['发送期间停用了模板消息，已停止', ''],
    'channel_gone'            => ['直播已删除', ''],
    'start_moved'             => ['开播时间已更改，将按新的时间另行提醒', ''],
    'walk_incomplete'         => ['名单没有取完整', '可以点“继续发送”再取一次。'],
    'template_fields_unknown' => ['不知道模板有哪些字段', '请在“模板消息”中填写并保存，再点“继续发送”。'],
    'template_missing'        => ['没有选择模板', '请在“模板消息”中选择，再点“继续发送”。'],
    'message_invalid'         => ['消息内容有误', '请检查直播标题，以及“模板消息”中的每个字段，再点“继续发送”。'],
    'wechat_refused'          => ['微信拒绝了这条消息', '请在“模板消息”中发送测试，查看原因。'],
    'too_many_failures'       => ['失败过多，已停止', '请在“模板消息”中发送测试，查看原因，再点“继续发送”。'],
    'audience_unavailable'    => ['取不到提醒对象的名单', '如果选的是标签，请检查它是否还在；否则请联系平台管理员。恢复后自动继续。'],
    'ledger_mismatch'         => ['统计不一致', '请联系平台管理员。'],
];

/** A reminder that is due is sent within a minute; after so many seconds something is wrong. */
const REMINDER_LATE = 180;

/**
 * How a reminder stands: state (a word), text, todo (what to do, or ''), job or
 * null, actions (what the owner may do now), next (when to ask again, in ms).
 * $counted: see command_offers().
 */
function reminder_state(Host $host, array $owner, array $channel, bool $counted = false): array
{
    if ($channel['live_notify_status'] !== 0) {
        return reminder_of_job($host, $owner, $channel, $counted);
    }
    $due = $channel['start_time'] - 60 * $channel['live_notify_time'];
    if (!$channel['live_notify']) {
        return reminder_is('off', '未开启提醒');
    }
    if ($channel['start_time'] + $host->config['grace'] <= time()) {
        return reminder_is('missed', '已过开播时间，没有发送');
    }
    if (!settings_find($host, $owner['uin'])['enabled']) {
        return reminder_is('disabled', '模板消息未启用，到时不会发送', '请先在“模板消息”中启用。');
    }
    $planned = $due > time() ? reminder_planned($host, $channel) : null;
    if ($planned !== null) {
        return $planned;
    }
    if ($due > time()) {
        return reminder_is('waiting', $host->clock($due, 'm月d日 H:i') . ' 发送', '', [], min(60, $due - time()));
    }
    return reminder_due($host, $owner, $channel, $due);
}

/** The same without asking pushd: the page shows it at once and asks then. */
function reminder_glance(Host $host, array $owner, array $channel): array
{
    if ($channel['live_notify_status'] === 0) {
        return reminder_state($host, $owner, $channel);
    }
    $words = [1 => '发送中', 2 => '已完成'];
    return ['next' => 1] + reminder_is('asking', $words[$channel['live_notify_status']] ?? '未完成');
}

/** A reminder that its owner's brakes move or stop; null where they don't. */
function reminder_planned(Host $host, array $channel): ?array
{
    $plan = plan_of($host, $channel, time());
    $text = plan_text($host, $channel, $plan, brakes_find($host, $channel['uin']));
    if ($text === '') {
        return null;
    }
    return $plan['at'] === 0 ? reminder_is('blocked', '到时不会发送', $text . '要发送，请修改开播时间、提前分钟数，或“模板消息”页的“防打扰”。', [], 60)
        : reminder_is('waiting', $host->clock($plan['at'], 'm月d日 H:i') . ' 发送', $text, [], max(1, min(60, $plan['at'] - time())));
}

/** A reminder that should be on its way: nothing has come of it yet. */
function reminder_due(Host $host, array $owner, array $channel, int $due): array
{
    $try = $host->row('SELECT answer, next_try FROM pushd_php_attempt WHERE act_id = ? AND start_time = ?', [$channel['id'], $channel['start_time']]);
    if ($try !== null) {
        $code = preg_match('/[a-z_]{3,}/', (string) $try['answer'], $m) ? $m[0] : '';
        if ($code === 'too_soon' || $code === 'too_many_today') {
            return reminder_is('late', '还没有发送：' . pushd_words($code), '这是“防打扰”的设置。将在 ' . $host->clock(max(time() + 60, (int) $try['next_try']), 'm月d日 H:i') . ' 前后自动再试。', [], 5);
        }
        return reminder_is('late', '还没有发送：' . pushd_words($code), '改正后会在 ' . $host->clock(max(time() + 60, (int) $try['next_try']), 'H:i') . ' 前后再试；在这里保存一次，会立即再试。', [], 5);
    }
    $since = max($due, saved_at($host, 'channel', $channel['id']), saved_at($host, 'settings', $owner['uin']));
    if (time() - $since > REMINDER_LATE) {
        return reminder_is('late', '应在 ' . $host->clock($since, 'H:i') . ' 发送，尚未开始', '平台的定时任务可能没有运行，请联系平台管理员。', [], 5);
    }
    return reminder_planned($host, $channel) ?? reminder_is('due', '即将发送（一分钟之内）', '', [], 2);
}

function reminder_is(string $state, string $text, string $todo = '', array $actions = [], int $seconds = 10, ?array $job = null): array
{
    return ['state' => $state, 'text' => $text, 'todo' => $todo, 'job' => $job, 'actions' => $actions, 'next' => 1000 * $seconds];
}

/** The newest job of a channel for its present start; null if there is none. */
function reminder_newest(Host $host, array $owner, array $channel): ?array
{
    $list = pushd_call($host, 'GET', "/v1/jobs?limit=1&actid={$channel['id']}&appid=" . rawurlencode($owner['appid']), null, 5);
    $job = $list['items'][0] ?? null;
    return is_array($job) && strtotime((string) $job['startTime']) === $channel['start_time'] ? $job : null;
}

/** What pushd tells of the reminder; without it the column must do. */
function reminder_of_job(Host $host, array $owner, array $channel, bool $counted): array
{
    $words = [1 => ['sending', '发送中'], 2 => ['done', '已完成']];
    list($state, $text) = $words[$channel['live_notify_status']] ?? ['failed', '未完成'];
    try {
        $job = reminder_newest($host, $owner, $channel);
    } catch (Refusal $e) {
        return reminder_is($state, "{$text}（详情暂时无法获取）", '', [], 10);
    }
    if ($job === null) {
        return reminder_is($state, $text);
    }
    list($state, $text, $todo) = reminder_words($host, $owner, $channel, $job);
    return reminder_is($state, $text, $todo, command_offers($host, $owner, $channel, $job, $counted), $state === 'sending' || $state === 'stopping' ? 1 : 5,
        reminder_job($host, $job));
}

/** A job in words: state, text, what to do. */
function reminder_words(Host $host, array $owner, array $channel, array $job): array
{
    $states = [
        'queued' => ['sending', '排队中'], 'running' => ['sending', '发送中'], 'paused' => ['parked', '已暂停'], 'parked' => ['parked', '等待中'],
        'succeeded' => ['done', '已完成'],
    ];
    list($state, $text) = $states[$job['state']] ?? ['failed', '未完成'];
    if (reminder_active($job) && (!$channel['live_notify'] || !settings_find($host, $owner['uin'])['enabled'])) {
        return ['stopping', '正在停止…', ''];
    }
    $reason = (string) $job['reason'];
    if ($reason === 'held') {
        return reminder_held($host, $owner);
    }
    if ($job['state'] === 'paused' && $reason === '') {
        return ['parked', '平台管理员已暂停这次发送', '需要继续时，请联系平台管理员。'];
    }
    list($why, $todo) = $reason === 'quota_exhausted' ? reminder_quota($host, $job) : (REMINDER_REASONS[$reason] ?? ['', '']);
    if ($reason === 'account_mismatch' || $reason === 'wechat_refused' || $reason === 'too_many_failures') {
        $todo = wechat_remedy($job) ?: $todo;
    }
    return [$state, $text . ($why !== '' ? "：$why" : ''), $todo];
}

function reminder_active(array $job): bool
{
    return in_array($job['state'], ['queued', 'running', 'paused', 'parked'], true);
}

/** The day's quota is used up: it comes back at 0:00 in Beijing, which may be too late. */
function reminder_quota(Host $host, array $job): array
{
    $deadline = (int) strtotime((string) $job['deadline']);
    $reset = (new DateTimeImmutable('tomorrow', new DateTimeZone('Asia/Shanghai')))->getTimestamp();
    $clear = '可在“公众平台 → 设置与开发 → 接口权限”中清零额度，清零后十分钟内自动继续。';
    if ($job['deadline'] !== null && $deadline <= $reset) {
        return ['今日发送额度已用完，0 点恢复时已过有效时间（' . $host->clock($deadline, 'm月d日 H:i') . '），剩下的 '
            . number_format(command_left($job)) . ' 人将收不到', $clear];
    }
    return ['今日发送额度已用完，0 点后自动继续', '也' . $clear];
}

/** The account, or everything, is held: by WeChat's doing or by the platform's. */
function reminder_held(Host $host, array $owner): array
{
    $code = null;
    try {
        $code = pushd_call($host, 'GET', '/v1/accounts/' . rawurlencode($owner['appid']) . '/hold', null, 5)['errcode'] ?? null;
    } catch (Refusal $e) {
        // the reminder waits whatever the reason is
    }
    return $code === null
        ? ['held', '平台管理员已暂停发送', '需要发送时，请联系平台管理员恢复。']
        : ['held', "微信限制了此公众号发送模板消息（{$code}），全部提醒已暂停",
            '请登录公众平台，在“通知中心”查看处罚或警告，按要求整改或申诉；处理完后，请联系平台管理员恢复发送。'];
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
        'audience' => audience_name($job['audience'] ?? 'followers'),
        'receipts' => reminder_receipts($host, $job),
        'fresh'    => $job['finishedAt'] !== null && strtotime($job['finishedAt']) > time() - REMINDER_RECEIPTS,
        'rate'    => (int) round($job['rate']),
        'eta'     => $job['eta'] === null ? '' : $host->clock((int) strtotime($job['eta']), 'H:i:s'),
        'finished' => $job['finishedAt'] === null ? '' : $host->clock((int) strtotime($job['finishedAt']), 'm月d日 H:i:s'),
    ];
}

/** Receipts are waited for so many seconds after the end of a job. */
const REMINDER_RECEIPTS = 120;

/** What WeChat said became of the messages, in lines; none while nothing was sent. */
function reminder_receipts(Host $host, array $job): array
{
    $r = $job['receipts'] ?? null;
    if ($job['sent'] === 0 || !is_array($r)) {
        return [];
    }
    $counted = $r['delivered'] + $r['blocked'] + $r['undelivered'];
    if ($counted === 0) {
        return $job['finishedAt'] === null ? [] : ['还没有收到送达回执。回执由微信发到“公众号服务器配置”中的地址，通常在发送后几秒内到达。'];
    }
    $lines = ['已送达 ' . number_format($r['delivered']) . ' 人，送达率 ' . number_format(100 * $r['delivered'] / max($counted, 1), 1) . '%（按已收到的 '
        . number_format($counted) . ' 份回执计算）'];
    $why = ['freq_limit' => '微信限制了接收频率', 'system_failed' => '微信系统错误', 'other' => '其他原因'];
    if ($r['blocked'] > 0) {
        $lines[] = number_format($r['blocked']) . ' 人拒收这个公众号的消息';
    }
    foreach (array_filter($r['undeliveredBy'] ?? []) as $name => $n) {
        $lines[] = number_format($n) . ' 人没有送达：' . ($why[$name] ?? $why['other']);
    }
    return $lines;
}

/** What keeps a channel from being reminded of, but not an estimate from being made. */
const REMINDER_NOT_NOW = ['owner_disabled', 'reminder_off', 'already_notified', 'job_ended', 'deadline_passed'];

/** pushd's dry run in words: how many people, how long, how much quota. */
function reminder_estimate(Host $host, array $owner, array $body): array
{
    $f = new Fields($body, ['actid' => '直播', 'templateId' => '模板 ID']);
    $channel = channel_of_request($host, $owner, $f);
    $answer = pushd_call($host, 'POST', '/v1/jobs', [
        'dryRun' => true, 'actid' => $channel['id'], 'appid' => $owner['appid'], 'templateId' => $f->name('templateId'),
    ], 30);
    $problems = [];
    foreach ($answer['problems'] as $p) {
        if (!in_array($p['code'], REMINDER_NOT_NOW, true)) {
            $problems[] = ['code' => $p['code'], 'message' => pushd_chinese($p['code'], $p)];
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

/** The channel that a request names, or the owner's next. */
function channel_of_request(Host $host, array $owner, Fields $f): array
{
    if ($f->has('actid')) {
        return channel_find($host, $owner['uin'], $f->number('actid', 1, PHP_INT_MAX));
    }
    $all = channel_choices($host, $owner['uin']);
    if ($all === []) {
        $f->refuse('actid', '请先新建一场直播：预览、测试和估算都要用到它的标题和时间');
    }
    return $all[0];
}
