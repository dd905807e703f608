<?php
/** The owner's live-subscription settings: user_wx_config. */
declare(strict_types=1);

const SETTINGS_LABELS = ['templateId' => '模板 ID', 'enabled' => '启用', 'version' => '版本'];

function settings_find(Host $host, int $uin): array
{
    $row = $host->row('SELECT {user_wx_config.act_live_template_id} AS template, {user_wx_config.status} AS status
        FROM {user_wx_config} WHERE {user_wx_config.uin} = ?', [$uin]);
    $found = [
        'templateId' => (string) ($row['template'] ?? ''),
        'enabled'    => (int) ($row['status'] ?? 0) === 1,
    ];
    return $found + ['version' => substr(hash('sha256', (string) json_encode($found)), 0, 16)];
}

/**
 * Saves the template, the switch, or both: what is absent stays, so that the
 * choice of a template never switches anything on. Only a template that can be
 * sent is enabled. Switching off is never refused.
 */
function settings_save(Host $host, array $owner, array $body): array
{
    $f = new Fields($body, SETTINGS_LABELS);
    $enabled = $f->has('enabled') ? $f->flag('enabled') : null;
    $template = $f->has('templateId') || $enabled === null ? $f->name('templateId') : null;
    $old = settings_find($host, $owner['uin']);
    if ($enabled ?? $old['enabled']) {
        settings_check_ready($host, $owner, $f, $template ?? $old['templateId']);
    }
    if ($host->row('SELECT {user_wx_config.uin} FROM {user_wx_config} WHERE {user_wx_config.uin} = ?', [$owner['uin']]) === null) {
        $host->unlessTwice("INSERT INTO {user_wx_config} ({user_wx_config.act_live_template_id}, {user_wx_config.status}, {user_wx_config.uin})
            VALUES ('', 0, ?)", [$owner['uin']]);
    }
    $host->transaction(function () use ($host, $owner, $f, $template, $enabled) {
        $host->query('SELECT {user_wx_config.uin} FROM {user_wx_config} WHERE {user_wx_config.uin} = ?' . $host->forUpdate(), [$owner['uin']])->fetchAll();
        $now = settings_find($host, $owner['uin']);
        $stop = $template === null && $enabled === false;
        if ($f->has('version') && !$stop && $f->text('version', 16, true) !== $now['version']) {
            throw new Refusal(409, 'changed_elsewhere', '设置已在别处修改过，本次没有保存。请刷新页面，核对后再保存。');
        }
        $host->query('UPDATE {user_wx_config} SET {user_wx_config.act_live_template_id} = ?, {user_wx_config.status} = ? WHERE {user_wx_config.uin} = ?',
            [$template ?? $now['templateId'], (int) ($enabled ?? $now['enabled']), $owner['uin']]);
        saved_note($host, 'settings', $owner['uin']);
    });
    $stopped = $enabled === false ? command_stop($host, $owner, 0) : 0;
    return settings_find($host, $owner['uin']) + ['stopped' => $stopped];
}

function settings_check_ready(Host $host, array $owner, Fields $f, string $template): void
{
    if ($template === '') {
        $f->refuse('templateId', '请先选择模板，填写内容并保存，再启用');
    }
    template_check_ready($host, $owner, $template);
}

/** What the owner enters in WeChat's console, so that follows are noticed. */
function settings_callback(Host $host, array $owner): array
{
    return contact_card($host, $owner['appid']);
}
