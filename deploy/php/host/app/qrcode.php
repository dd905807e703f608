<?php
/** The account's QR codes: made once per scene, whoever asks how often. */
declare(strict_types=1);

const QR_SECONDS = 2592000; // 30 days, WeChat's most for temporary codes
const QR_MARGIN = 3600;     // a code that is shown now must work for a while
const QR_RETRY = 30;        // seconds before WeChat is asked again after a refusal,
const QR_SILENT = 5;        // and after no answer
const QR_WAIT = 1;          // seconds to wait while another request asks
const QR_SECONDS_EACH = 4;  // for WeChat's answer

/** The code of a scene: src (an address of a picture), expires_at. */
function qrcode_get(Host $host, string $appid, string $scene, int $seconds = QR_SECONDS): array
{
    $margin = min(QR_MARGIN, intdiv($seconds, 2));
    $row = qrcode_row($host, $appid, $scene);
    if (!qrcode_fresh($row, $margin)) {
        $unlock = $host->lock("qrcode/$appid/$scene", QR_WAIT);
        if ($unlock === null) {
            throw new Refusal(503, 'qrcode_busy', '二维码正在生成，请稍后再试');
        }
        try {
            // Whoever held the lock before may have made it meanwhile.
            $row = qrcode_row($host, $appid, $scene);
            if (!qrcode_fresh($row, $margin)) {
                $row = qrcode_make($host, $appid, $scene, $seconds, $row);
            }
        } finally {
            $unlock();
        }
    }
    return ['src' => $host->config['qr_url'] . '/cgi-bin/showqrcode?ticket=' . rawurlencode($row['ticket']),
        'expires_at' => (int) $row['expires_at']];
}

function qrcode_row(Host $host, string $appid, string $scene): array
{
    return $host->row('SELECT ticket, expires_at, retry_at FROM host_qrcode WHERE appid = ? AND scene = ?', [$appid, $scene])
        ?? ['ticket' => '', 'expires_at' => 0, 'retry_at' => 0];
}

function qrcode_fresh(array $row, int $margin): bool
{
    return $row['ticket'] !== '' && (int) $row['expires_at'] > time() + $margin;
}

/** Asks WeChat, unless it refused a moment ago. The caller holds the lock. */
function qrcode_make(Host $host, string $appid, string $scene, int $seconds, array $row): array
{
    $wait = (int) $row['retry_at'] - time();
    $wait = $wait > QR_RETRY ? 0 : $wait; // a clock that was ahead wrote it
    $pause = QR_RETRY;
    $ticket = $wait > 0 ? '' : qrcode_ask($host, $appid, $scene, $seconds, $pause);
    if ($ticket !== '') {
        $row = ['ticket' => $ticket, 'expires_at' => time() + $seconds, 'retry_at' => 0];
    } elseif ($wait <= 0) {
        $row['retry_at'] = time() + $pause;
    }
    $host->query('REPLACE INTO host_qrcode (appid, scene, ticket, expires_at, retry_at) VALUES (?, ?, ?, ?, ?)',
        [$appid, $scene, $row['ticket'], (int) $row['expires_at'], (int) $row['retry_at']]);
    if (!qrcode_fresh($row, 0)) { // an old code that still works is better than none
        throw new Refusal(502, 'qrcode_refused', '微信暂时不能生成二维码，请稍后再试');
    }
    return $row;
}

/**
 * One code from WeChat, or '' and how long to leave WeChat alone. A token that
 * WeChat refuses is replaced once.
 */
function qrcode_ask(Host $host, string $appid, string $scene, int &$seconds, int &$pause): string
{
    pushd_check_url($host->config, 'wechat_url');
    $rejected = '';
    for ($try = 0; $try < 2; $try++) {
        try {
            $token = wx_token($host->db(), $host->config, $appid, $rejected)['access_token'];
        } catch (WxTokenError $e) {
            error_log('qrcode/create: ' . $e->getMessage());
            return '';
        }
        $url = $host->config['wechat_url'] . '/cgi-bin/qrcode/create?access_token=' . rawurlencode($token);
        $answer = pushd_post(curl_init(), $url, [], [
            'expire_seconds' => $seconds,
            'action_name'    => 'QR_STR_SCENE',
            'action_info'    => ['scene' => ['scene_str' => $scene]],
        ], QR_SECONDS_EACH);
        $ticket = $answer['json']['ticket'] ?? '';
        if (is_string($ticket) && $ticket !== '') {
            $told = (int) ($answer['json']['expire_seconds'] ?? 0); // may be less than was asked for
            $seconds = $told > 0 ? min($seconds, $told) : $seconds;
            return $ticket;
        }
        $code = (int) ($answer['json']['errcode'] ?? 0);
        error_log("qrcode/create for $appid: " . ($code !== 0 ? "errcode $code" : "HTTP {$answer['status']} {$answer['error']}"));
        if (!in_array($code, [40001, 40014, 42001], true)) {
            $pause = $code > 0 ? QR_RETRY : QR_SILENT; // -1 is WeChat's "busy"
            break;
        }
        $rejected = wx_token_fingerprint($token);
    }
    return '';
}
