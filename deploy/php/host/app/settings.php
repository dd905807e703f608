<?php
/** The owner's live-subscription settings: user_wx_config. */
declare(strict_types=1);

function settings_find(Host $host, int $uin): array
{
    $row = $host->row('SELECT act_live_template_id, status FROM user_wx_config WHERE uin = ?', [$uin]);
    return [
        'templateId' => (string) ($row['act_live_template_id'] ?? ''),
        'enabled'    => (int) ($row['status'] ?? 0) === 1,
    ];
}

/** Saves template and switch. Only a template that can be sent is enabled. */
function settings_save(Host $host, array $owner, array $body): array
{
    $f = new Fields($body, ['templateId' => '模板 ID', 'enabled' => '启用']);
    $template = $f->name('templateId');
    $enabled = $f->flag('enabled');
    if ($enabled) {
        template_check_ready($host, $owner, $template);
    }
    $host->transaction(function () use ($host, $owner, $template, $enabled) {
        $old = $host->row('SELECT id FROM user_wx_config WHERE uin = ?' . $host->forUpdate(), [$owner['uin']]);
        $host->query($old === null
            ? 'INSERT INTO user_wx_config (act_live_template_id, status, uin) VALUES (?, ?, ?)'
            : 'UPDATE user_wx_config SET act_live_template_id = ?, status = ? WHERE uin = ?', [$template, (int) $enabled, $owner['uin']]);
    });
    return settings_find($host, $owner['uin']);
}

/** What the owner enters in WeChat's console, so that follows are noticed. */
function settings_callback(Host $host, array $owner): array
{
    return [
        'url'   => $host->config['base_url'] . '/wechat/callback?appid=' . rawurlencode($owner['appid']),
        'token' => callback_token($host, $owner['appid']),
    ];
}

/**
 * The token of an account's callback. It is derived, not stored: a callback
 * is checked before the database is touched.
 */
function callback_token(Host $host, string $appid): string
{
    return substr($host->sign('callback', $appid), 0, 32);
}
