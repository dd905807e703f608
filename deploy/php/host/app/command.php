<?php
/**
 * What an owner can tell a reminder: stop, go on, send again. Each command names
 * the job that its page showed, so that a page which is out of date does nothing.
 */
declare(strict_types=1);

/** How many people a job that goes on would still send to. */
function command_left(array $job): int
{
    $failed = $job['reason'] === 'too_many_failures' || $job['sent'] === 0 ? $job['failed'] : 0;
    $total = max((int) $job['total'], (int) $job['walked']);
    return max(0, $total - $job['sent'] - $job['skipped'] - $job['failed'] - $job['unknown']) + $failed;
}

/**
 * What can be done about a job now: do, name, ask (the question before it) and the
 * job. $counted: the question is about to be asked, so WeChat's counts are to be of now.
 */
function command_offers(Host $host, array $owner, array $channel, array $job, bool $counted = false): array
{
    if (reminder_active($job)) {
        $left = number_format(command_left($job));
        // Other pauses are the platform's: only it may end them.
        $resume = $job['state'] === 'paused' && $job['reason'] === 'first_reached'
            ? [command_offer('resume', $job, "继续发给其余 $left 人", "将继续发给其余 $left 人，已经收到的不会再收到。确定继续吗？")] : [];
        return array_merge($resume, [command_offer('stop', $job, '停止发送', '停止后，还没有收到的 ' . number_format(command_left($job)) . ' 人不会再收到；已经发出的不能撤回。确定停止吗？')]);
    }
    if (!$channel['live_notify'] || $channel['start_time'] + $host->config['grace'] <= time() || !settings_find($host, $owner['uin'])['enabled']) {
        return [];
    }
    $offers = [];
    $left = number_format(command_left($job));
    if ($job['state'] !== 'succeeded' && ($left !== '0' || $job['total'] === null)) {
        $whom = $job['total'] === null ? '没收到的粉丝' : "没收到的 {$left} 人";
        $offers[] = command_offer('continue', $job, "继续发给{$whom}", "将继续发给{$whom}，已经收到的不会再收到。确定继续吗？");
    } elseif ($job['failed'] > 0) {
        $failed = number_format($job['failed']);
        $offers[] = command_offer('retry', $job, "再发给失败的 $failed 人", "将再发给失败的 $failed 人，已经收到的不会再收到。确定发送吗？");
    }
    $offers[] = command_offer('restart', $job, '重新发送', command_restart_ask($host, $owner, $channel, $job, $counted));
    return $offers;
}

/** A new job goes by the channel's audience, which may have changed since. */
function command_restart_ask(Host $host, array $owner, array $channel, array $job, bool $counted): string
{
    $whom = audience_whom($host, $channel);
    if ($channel['audience'] !== 'subscribers') {
        $same = $channel['audience'] === ($job['audience'] ?? 'followers') ? max((int) $job['total'], (int) $job['walked']) : null;
        $people = $counted ? audience_try($host, $owner, $channel, $channel['audience'])['total'] : $same;
        $whom .= $people === null ? '' : '（' . number_format($people) . ' 人）';
    }
    $again = $job['sent'] > 0 ? '已经收到的 ' . number_format($job['sent']) . ' 人可能会再收到一次。' : '';
    return "将重新发给{$whom}。{$again}频繁重复发送可能被微信处罚。确定重新发送吗？";
}

function command_offer(string $do, array $job, string $name, string $ask): array
{
    return ['do' => $do, 'job' => $job['id'], 'name' => $name, 'ask' => $ask];
}

/** Carries a command out and says how the reminder stands then. */
function command_run(Host $host, array $owner, array $channel, array $body): array
{
    $f = new Fields($body, ['do' => '操作', 'job' => '发送任务']);
    $do = $f->text('do', 16, true);
    $id = $f->text('job', 24, true);
    $job = reminder_newest($host, $owner, $channel);
    if ($job === null || $job['id'] !== $id) {
        throw new Refusal(409, 'changed_elsewhere', '提醒的状态已经变化，没有执行。请看清最新状态后再操作。');
    }
    if (!in_array($do, array_column(command_offers($host, $owner, $channel, $job), 'do'), true)) {
        throw new Refusal(409, 'not_now', '现在不能执行这个操作，请看清最新状态后再操作。');
    }
    $post = ['actid' => $channel['id'], 'appid' => $owner['appid']];
    switch ($do) {
        case 'stop':
            pushd_call($host, 'POST', "/v1/jobs/$id/cancel", null);
            break;
        case 'resume':
            command_resume($host, $job);
            break;
        case 'retry':
            pushd_call($host, 'POST', "/v1/jobs/$id/retry", null);
            break;
        default: // continue, restart
            pushd_call($host, 'POST', '/v1/jobs', $post + [$do => true, 'job' => $id]);
    }
    return reminder_state($host, $owner, channel_find($host, $owner['uin'], $channel['id']));
}

/** Lets a job go on. After its deadline pushd refuses that, and an owner can't set another one. */
function command_resume(Host $host, array $job): void
{
    try {
        pushd_call($host, 'POST', "/v1/jobs/{$job['id']}/resume", null);
    } catch (Refusal $e) {
        if ($e->name !== 'deadline_passed') {
            throw $e;
        }
        throw new Refusal($e->status, $e->name, '已过提醒的有效时间（' . $host->clock((int) strtotime((string) $job['deadline']), 'm月d日 H:i')
            . '），没有继续发送。需要继续时，请联系平台管理员先把有效时间改晚。', $e->field);
    }
}

/**
 * Stops at once what an owner has just switched off: of one channel, or (0) of
 * the whole account. pushd sees the switch itself within half a minute, so that
 * a failure here only takes longer. Returns how many were stopped.
 */
function command_stop(Host $host, array $owner, int $channel): int
{
    $stopped = 0;
    try {
        $list = pushd_call($host, 'GET', '/v1/jobs?limit=200&state=queued,running,paused,parked&appid=' . rawurlencode($owner['appid'])
            . ($channel > 0 ? "&actid=$channel" : ''), null, 5);
        foreach ($list['items'] as $job) {
            pushd_call($host, 'POST', "/v1/jobs/{$job['id']}/cancel", null, 5);
            $stopped++;
        }
    } catch (Refusal $e) {
        error_log('host: stop: ' . $e->getMessage());
    }
    return $stopped;
}
