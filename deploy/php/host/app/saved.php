<?php
/**
 * When owners last saved something: a reminder that is due can't have been sent
 * before that, and what pushd refused is tried again at once.
 */
declare(strict_types=1);

/** Notes that a channel or the settings of an owner were saved. */
function saved_note(Host $host, string $what, int $id): void
{
    saved_set($host, $what, $id, time());
    $channels = $what === 'channel' ? 'act_id = ?' : 'act_id IN (SELECT {activity.id} FROM {activity} WHERE {activity.uin} = ?)';
    $host->query("DELETE FROM pushd_php_attempt WHERE $channels", [$id]);
}

/** When it was saved, 0 if never. */
function saved_at(Host $host, string $what, int $id): int
{
    return (int) ($host->row('SELECT saved_at FROM host_saved WHERE what = ? AND id = ?', [$what, $id])['saved_at'] ?? 0);
}

function saved_set(Host $host, string $what, int $id, int $at): void
{
    $host->unlessTwice('INSERT INTO host_saved (what, id, saved_at) VALUES (?, ?, 0)', [$what, $id]);
    $host->query('UPDATE host_saved SET saved_at = ? WHERE what = ? AND id = ?', [$at, $what, $id]);
}
