<?php
/**
 * Whom a channel's reminder goes to: its subscribers, the account's followers,
 * or those with one of its tags. WeChat's rules want people who have asked.
 */
declare(strict_types=1);

const AUDIENCE_PATTERN = '/^(followers|subscribers|tag:[1-9]\d{0,9})$/D';

/** In a few words, for the middle of a sentence. $tags: id => name, where known. */
function audience_name(string $audience, array $tags = []): string
{
    if ($audience === 'subscribers') {
        return '订阅了这场直播的人';
    }
    if (strncmp($audience, 'tag:', 4) === 0) {
        $id = substr($audience, 4);
        return '标签“' . ($tags[$id] ?? $id) . '”的粉丝';
    }
    return '公众号的全部粉丝';
}

function audience_subscribers(Host $host, int $act): int
{
    return (int) $host->row('SELECT COUNT(*) AS n FROM host_subscriber WHERE act_id = ? AND left_at = 0', [$act])['n'];
}

/** Whom a channel reminds, with the number of its subscribers, which is our own and costs nothing. */
function audience_whom(Host $host, array $channel): string
{
    $people = $channel['audience'] === 'subscribers' && $channel['id'] !== 0 ? '（' . number_format(audience_subscribers($host, $channel['id'])) . ' 人）' : '';
    return audience_name($channel['audience']) . $people;
}

/**
 * What an owner may choose from, with how many people each reaches (null where
 * that is not known): value, name, people, available; and the time of the counts.
 * WeChat is asked for the followers and for the tags.
 */
function audience_choices(Host $host, array $owner, ?array $channel): array
{
    $of = $channel ?? (channel_choices($host, $owner['uin'])[0] ?? null); // a dry run wants some channel
    $items = [
        audience_choice('subscribers', $channel === null ? 0 : audience_subscribers($host, $channel['id']), audience_offered($host, $owner, $of)),
        audience_choice('followers', audience_followers($host, $owner, $of)),
    ];
    try {
        $tags = pushd_call($host, 'GET', '/v1/accounts/' . rawurlencode($owner['appid']) . '/tags')['items'];
    } catch (Refusal $e) {
        $tags = []; // an account may have no right to tags
    }
    foreach ($tags as $tag) {
        $items[] = audience_choice("tag:{$tag['id']}", $tag['count'], true, [(string) $tag['id'] => $tag['name']]);
    }
    return ['items' => $items, 'at' => $host->clock(time(), 'H:i')];
}

function audience_choice(string $value, ?int $people, bool $available = true, array $tags = []): array
{
    return ['value' => $value, 'name' => audience_name($value, $tags), 'people' => $people, 'available' => $available];
}

function audience_followers(Host $host, array $owner, ?array $of): ?int
{
    return $of === null ? null : audience_try($host, $owner, $of, 'followers')['total'];
}

/** Whether pushd can list subscribers: the platform has to tell it where they are. */
function audience_offered(Host $host, array $owner, ?array $of): bool
{
    if ($of === null) {
        return true;
    }
    return !in_array('audience_unavailable', array_column(audience_try($host, $owner, $of, 'subscribers')['problems'], 'code'), true);
}

function audience_try(Host $host, array $owner, array $of, string $audience): array
{
    try {
        return pushd_call($host, 'POST', '/v1/jobs', ['dryRun' => true, 'actid' => $of['id'], 'appid' => $owner['appid'], 'audience' => $audience]);
    } catch (Refusal $e) {
        return ['total' => null, 'problems' => []];
    }
}
