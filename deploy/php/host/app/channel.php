<?php
/**
 * Channels: activity and activity_detail. live_notify_status is pushd's; the
 * host puts it back to 0 in one case, see channel_moved().
 */
declare(strict_types=1);

const CHANNEL_LABELS = [
    'title' => '标题', 'start_time' => '开播时间', 'watch_url' => '观看地址', 'content' => '简介',
    'live_notify' => '开播提醒', 'live_notify_time' => '提前分钟数',
];
const CHANNEL_SELECT = '
    SELECT a.id, a.uin, a.title, a.start_time, a.watch_url, d.content, d.live_notify, d.live_notify_time, d.live_notify_status
    FROM activity a
    LEFT JOIN activity_detail d ON d.act_id = a.id';

/** A row as the rest of the host knows it. */
function channel_from_row(array $row): array
{
    return [
        'id'                 => (int) $row['id'],
        'uin'                => (int) $row['uin'],
        'title'              => (string) $row['title'],
        'start_time'         => (int) $row['start_time'],
        'watch_url'          => (string) $row['watch_url'],
        'content'            => (string) $row['content'],
        'live_notify'        => (int) $row['live_notify'] === 1,
        'live_notify_time'   => (int) ($row['live_notify_time'] ?? 30),
        'live_notify_status' => (int) $row['live_notify_status'],
    ];
}

/** A channel of this owner. Somebody else's is as if it did not exist. */
function channel_find(Host $host, int $uin, int $id): array
{
    $row = $host->row(CHANNEL_SELECT . ' WHERE a.id = ? AND a.uin = ?', [$id, $uin]);
    if ($row === null) {
        throw new Refusal(404, 'channel_not_found', '频道不存在');
    }
    return channel_from_row($row);
}

/** The owner's channels, latest start first. */
function channel_list(Host $host, int $uin): array
{
    $rows = $host->query(CHANNEL_SELECT . ' WHERE a.uin = ? ORDER BY a.start_time DESC, a.id DESC LIMIT 100', [$uin])->fetchAll();
    return array_map('channel_from_row', $rows);
}

/** What an interface tells of a channel. */
function channel_answer(Host $host, array $channel): array
{
    return [
        'id'               => $channel['id'],
        'title'            => $channel['title'],
        'start_time'       => $channel['start_time'],
        'start_text'       => $host->clock($channel['start_time']),
        'watch_url'        => $channel['watch_url'],
        'content'          => $channel['content'],
        'live_notify'      => $channel['live_notify'],
        'live_notify_time' => $channel['live_notify_time'],
        'live_notify_status' => $channel['live_notify_status'],
    ];
}

/** Checks what came in. Fields that are absent stay as in $old. */
function channel_read(Host $host, array $body, array $old): array
{
    $f = new Fields($body, CHANNEL_LABELS);
    $new = $old;
    foreach (['title' => 64, 'content' => 2000] as $name => $max) {
        if ($f->has($name) || ($name === 'title' && $old['id'] === 0)) {
            $new[$name] = $f->text($name, $max, $name === 'title', $name === 'content');
        }
    }
    if ($f->has('start_time') || $old['id'] === 0) {
        $new['start_time'] = channel_start($f->moment('start_time', $host->zone()), $old['start_time']);
    }
    if ($new['start_time'] !== $old['start_time']) {
        if ($new['start_time'] <= time()) {
            $f->refuse('start_time', '开播时间必须晚于现在');
        }
        if ($new['start_time'] > time() + 2 * 366 * 86400) {
            $f->refuse('start_time', '开播时间不能晚于两年后');
        }
    }
    if ($f->has('watch_url')) {
        $new['watch_url'] = $f->url('watch_url', 512);
    }
    if ($new['watch_url'] === '' && $host->config['base_url'] === '') {
        $f->refuse('watch_url', '请填写观看地址');
    }
    $new['live_notify'] = $f->has('live_notify') ? $f->flag('live_notify') : $old['live_notify'];
    $new['live_notify_time'] = $f->has('live_notify_time') ? $f->number('live_notify_time', 0, 1440) : $old['live_notify_time'];
    return $new;
}

/**
 * The form knows minutes. A start that was 20:00:30 and comes back as 20:00
 * has not moved: taking it for a new one would remind everybody again.
 */
function channel_start(int $new, int $old): int
{
    return intdiv($new, 60) === intdiv($old, 60) ? $old : $new;
}

function channel_create(Host $host, int $uin, array $body): array
{
    $new = channel_read($host, $body, ['id' => 0, 'uin' => $uin, 'title' => '', 'start_time' => 0, 'watch_url' => '',
        'content' => '', 'live_notify' => false, 'live_notify_time' => 30, 'live_notify_status' => 0]);
    $id = $host->transaction(function () use ($host, $uin, $new) {
        $host->query('INSERT INTO activity (uin, title, start_time, watch_url) VALUES (?, ?, ?, ?)',
            [$uin, $new['title'], $new['start_time'], $new['watch_url']]);
        $id = (int) $host->db()->lastInsertId();
        if ($new['watch_url'] === '') { // our own page, whose address needs the number
            $host->query('UPDATE activity SET watch_url = ? WHERE id = ?', [$host->config['base_url'] . "/watch/$id", $id]);
        }
        $host->query('INSERT INTO activity_detail (act_id, content, live_notify, live_notify_time) VALUES (?, ?, ?, ?)',
            [$id, $new['content'], (int) $new['live_notify'], $new['live_notify_time']]);
        return $id;
    });
    return channel_find($host, $uin, $id);
}

function channel_update(Host $host, int $uin, int $id, array $body): array
{
    $host->transaction(function () use ($host, $uin, $id, $body) {
        // Locked: pushd may be about to accept this very reminder.
        $detail = $host->query('SELECT id FROM activity_detail WHERE act_id = ?' . $host->forUpdate(), [$id])->fetchAll();
        $old = channel_find($host, $uin, $id);
        $new = channel_read($host, $body, $old);
        if ($new['watch_url'] === '') {
            $new['watch_url'] = $host->config['base_url'] . "/watch/$id";
        }
        if ($new['start_time'] !== $old['start_time']) {
            channel_moved($host, $old);
        }
        $host->query('UPDATE activity SET title = ?, start_time = ?, watch_url = ? WHERE id = ? AND uin = ?',
            [$new['title'], $new['start_time'], $new['watch_url'], $id, $uin]);
        $host->query($detail === []
            ? 'INSERT INTO activity_detail (content, live_notify, live_notify_time, act_id) VALUES (?, ?, ?, ?)'
            : 'UPDATE activity_detail SET content = ?, live_notify = ?, live_notify_time = ? WHERE act_id = ?',
            [$new['content'], (int) $new['live_notify'], $new['live_notify_time'], $id]);
    });
    return channel_find($host, $uin, $id);
}

/**
 * Another start is another reminder, and status 0 is how the platform asks
 * for it. All else in this column is written by pushd alone.
 */
function channel_moved(Host $host, array $old): void
{
    if ($old['live_notify_status'] === 1) {
        throw new Refusal(409, 'reminder_running', '提醒正在发送，发送完成后才能修改开播时间', 'start_time');
    }
    $host->query('UPDATE activity_detail SET live_notify_status = 0 WHERE act_id = ?', [$old['id']]);
}
