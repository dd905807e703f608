<?php
/**
 * Test messages. Nobody knows their own openid, so the test goes to whoever
 * scans a QR code that only the owner sees and that works once.
 */
declare(strict_types=1);

const TRIAL_SECONDS = 600;

/** Begins a test: nonce, and the picture to scan. */
function trial_begin(Host $host, array $owner, string $template, array $body): array
{
    $channel = channel_of_request($host, $owner, new Fields($body, ['actid' => '直播']));
    $host->query('DELETE FROM host_trial WHERE expires_at < ?', [time() - 86400]);
    // An owner who clicks again gets the same code: codes are limited per day.
    $row = $host->row("SELECT nonce FROM host_trial WHERE uin = ? AND appid = ? AND template_id = ? AND act_id = ?
        AND state = 'waiting' AND expires_at > ?", [$owner['uin'], $owner['appid'], $template, $channel['id'], time() + TRIAL_SECONDS / 2]);
    $nonce = $row['nonce'] ?? bin2hex(random_bytes(16));
    $code = qrcode_get($host, $owner['appid'], 'test_' . $nonce, TRIAL_SECONDS);
    if ($row === null) {
        $host->query('INSERT INTO host_trial (nonce, uin, appid, template_id, act_id, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
            [$nonce, $owner['uin'], $owner['appid'], $template, $channel['id'], $code['expires_at']]);
    }
    return ['nonce' => $nonce, 'src' => $code['src'], 'seconds' => $code['expires_at'] - time()];
}

/** How a test stands; only its owner may ask. */
function trial_state(Host $host, array $owner, string $nonce): array
{
    $row = $host->row('SELECT state, detail, expires_at FROM host_trial WHERE nonce = ? AND uin = ?', [$nonce, $owner['uin']]);
    if ($row === null) {
        throw new Refusal(404, 'test_not_found', '测试不存在或已过期');
    }
    if ($row['state'] === 'waiting' && (int) $row['expires_at'] <= time()) {
        return ['state' => 'expired', 'message' => '二维码已过期，请重新发送测试'];
    }
    if ($row['state'] === 'unknown' || ($row['state'] === 'sending' && (int) $row['expires_at'] <= time())) {
        return ['state' => 'unknown', 'message' => '没有得到推送结果，测试消息可能已经发出：请在微信中查看，没有收到再试'];
    }
    $words = ['waiting' => '请用微信扫码', 'sending' => '正在发送…', 'sent' => '测试消息已发送，请在微信中查看'];
    return ['state' => $row['state'], 'message' => $words[$row['state']] ?? '测试失败：' . $row['detail']];
}

/** The code was scanned: sends the test, waiting at most so many seconds for pushd. */
function trial_scanned(Host $host, string $appid, string $nonce, string $openid, int $seconds): void
{
    $claimed = $host->query("UPDATE host_trial SET state = 'sending'
        WHERE nonce = ? AND appid = ? AND state = 'waiting' AND expires_at > ?", [$nonce, $appid, time()])->rowCount();
    if ($claimed !== 1) {
        return;
    }
    $row = $host->row('SELECT template_id, act_id FROM host_trial WHERE nonce = ?', [$nonce]);
    $state = 'sent';
    $detail = '';
    try {
        pushd_call($host, 'POST', template_path(['appid' => $appid], $row['template_id'], 'test'),
            ['actid' => (int) $row['act_id'], 'openid' => $openid], $seconds);
    } catch (Refusal $e) {
        // Without an answer the test may have been sent.
        $state = $e->name === 'pushd_unreachable' ? 'unknown' : 'failed';
        $detail = ($e->field !== '' ? "{$e->field}：" : '') . $e->getMessage();
    }
    $host->query('UPDATE host_trial SET state = ?, detail = ? WHERE nonce = ?',
        [$state, (string) iconv_substr($detail, 0, 250, 'UTF-8'), $nonce]);
}
