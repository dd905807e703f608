<?php
/** Templates and their texts: pushd keeps them, this passes them on. */
declare(strict_types=1);

const TEMPLATE_LABELS = ['content' => '模板内容', 'fields' => '字段', 'url' => '跳转链接', 'miniprogram' => '小程序', 'actid' => '直播', 'version' => '版本'];

function template_path(array $owner, string $id = '', string $verb = ''): string
{
    return '/v1/accounts/' . rawurlencode($owner['appid']) . '/templates'
        . ($id === '' ? '' : '/' . rawurlencode($id)) . ($verb === '' ? '' : "/$verb");
}

function template_list(Host $host, array $owner): array
{
    $answer = pushd_call($host, 'GET', template_path($owner));
    return ['items' => array_map('template_answer', $answer['items'])];
}

/** A template as pushd tells it, and a version that changes with its texts. */
function template_answer(array $template): array
{
    $written = [$template['content'], array_column($template['fields'], 'text', 'key'), $template['url'], $template['miniprogram']];
    return $template + ['version' => substr(hash('sha256', (string) json_encode($written)), 0, 16)];
}

function template_find(Host $host, array $owner, string $id): array
{
    return template_answer(pushd_call($host, 'GET', template_path($owner, $id)));
}

/** What an owner wrote, as pushd takes it. pushd checks it field by field. */
function template_draft(Fields $f, array $body): array
{
    $draft = [];
    foreach (['content' => 4000, 'url' => 2048] as $name => $max) {
        $text = $f->text($name, $max, false, $name === 'content');
        if ($text !== '') {
            $draft[$name] = $text;
        }
    }
    if (strlen($draft['content'] ?? '') > 8192) {
        $f->refuse('content', '模板内容过长，最多 8 KB');
    }
    if (!is_array($body['fields'] ?? null) || count($body['fields']) > 50) {
        $f->refuse('fields', '请填写模板的字段');
    }
    foreach ($body['fields'] as $key => $text) {
        if (!is_string($text) || !preg_match('/^\w{1,32}$/D', (string) $key)) {
            $f->refuse('fields.' . substr((string) $key, 0, 40), '字段的内容必须是文字');
        }
    }
    $draft['fields'] = (object) $body['fields'];
    $mini = $body['miniprogram'] ?? null;
    if ($mini !== null && (!is_array($mini) || array_diff_key($mini, ['appid' => 1, 'pagepath' => 1]) !== [])) {
        $f->refuse('miniprogram', '小程序只有 appid 和 pagepath 两项');
    }
    if (is_array($mini) && trim(implode('', array_filter($mini, 'is_string'))) !== '') {
        $draft['miniprogram'] = (object) $mini;
    }
    return $draft;
}

function template_save(Host $host, array $owner, string $id, array $body): array
{
    $labels = TEMPLATE_LABELS;
    unset($labels['actid']);
    $f = new Fields($body, $labels);
    $draft = template_draft($f, $body);
    if ($f->has('version') && $f->text('version', 16, true) !== template_find($host, $owner, $id)['version']) {
        throw new Refusal(409, 'changed_elsewhere', '这个模板的内容已在别处修改过，本次没有保存。请刷新页面，核对后再保存。');
    }
    return template_answer(pushd_call($host, 'PUT', template_path($owner, $id), $draft));
}

/** How the message of a channel will look, with what is in the form. */
function template_preview(Host $host, array $owner, string $id, array $body): array
{
    $f = new Fields($body, array_diff_key(TEMPLATE_LABELS, ['version' => '']));
    $channel = channel_of_request($host, $owner, $f);
    $draft = isset($body['fields']) ? template_draft($f, $body) : [];
    $answer = pushd_call($host, 'POST', template_path($owner, $id, 'preview'), ['actid' => $channel['id']] + $draft);
    $warnings = [];
    foreach ($answer['warnings'] as $w) {
        $warnings[] = ['code' => $w['code'], 'field' => $w['field'], 'message' => template_warning($w)];
    }
    return ['lines' => $answer['lines'], 'url' => $answer['message']['url'] ?? '', 'warnings' => $warnings];
}

function template_warning(array $w): string
{
    $words = [
        'value_cut'     => '内容过长，超出部分会被截掉',
        'value_cleaned' => '换行、表情和特殊字符会被去掉',
        'line_dropped'  => '这一行没有标题，微信不会显示',
    ];
    return $words[$w['code']] ?? '请检查这个字段';
}

/** A template can be enabled when pushd knows what to put into each field. */
function template_check_ready(Host $host, array $owner, string $id): void
{
    $template = template_find($host, $owner, $id);
    $empty = [];
    foreach ($template['fields'] as $field) {
        if ($field['text'] === '') {
            $empty[] = $field['label'] !== '' ? $field['label'] : $field['key'];
        }
    }
    if ($template['fields'] === [] || $empty !== []) {
        throw new Refusal(422, 'invalid', $empty === []
            ? '请先粘贴模板内容，填写字段并保存，再启用'
            : '请先填写并保存这些字段，再启用：' . implode('、', $empty), 'templateId');
    }
}
