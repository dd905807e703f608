<?php
/**
 * What may be promised to viewers about the reminder of a channel. The watch
 * page and WeChat's answer to a scan say the same, because both ask here.
 */
declare(strict_types=1);

const PROMISE_LIVE = Pushd\Platform\Audience\Recorder::LIVE; // a stream is called live for so long

/**
 * Where a channel stands for viewers, with the words for it:
 *   phase     early, due, sending, sent, stopped, off, live, past
 *   promised  whoever subscribes now is reminded
 *   offer     subscribe (the code, or a tap), follow (the code, for the next
 *             stream), enter, none
 *   text      one sentence
 *   next      the moment at which this may change, 0: none is known
 * $open: the owner may remind and has switched it on.
 */
function promise_of(Host $host, array $channel, bool $open, int $now): array
{
    $phase = promise_phase($channel, $open, $now);
    $audience = promise_audience($channel);
    $promised = in_array($phase, ['early', 'due'], true) && $audience !== 'tag';
    $offers = ['early' => $promised ? 'subscribe' : 'none', 'due' => $promised ? 'subscribe' : 'none', 'live' => 'enter', 'past' => 'enter'];
    $offer = $offers[$phase] ?? 'none';
    if (in_array($phase, ['sending', 'sent', 'stopped'], true) && $audience === 'followers') {
        $offer = 'follow';
    }
    if ($offer === 'enter' && promise_room($host, $channel) === '') {
        $offer = 'none';
    }
    return [
        'phase'    => $phase,
        'promised' => $promised,
        'offer'    => $offer,
        'text'     => promise_text($host, $channel, $phase, $audience, $now),
        'next'     => promise_next($channel, $phase),
    ];
}

/** By the clock, by what pushd has done, and by what the owner has set. */
function promise_phase(array $channel, bool $open, int $now): string
{
    $start = $channel['start_time'];
    if ($now >= $start) {
        return $now < $start + PROMISE_LIVE ? 'live' : 'past';
    }
    $done = [1 => 'sending', 2 => 'sent', 3 => 'stopped'];
    if (isset($done[$channel['live_notify_status']])) {
        return $done[$channel['live_notify_status']];
    }
    if (!$open || !$channel['live_notify']) {
        return 'off';
    }
    if (promise_at($channel) === 0) {
        return 'off';
    }
    // With status 0 pushd has not begun to read who is to be reminded.
    return $now < promise_at($channel) ? 'early' : 'due';
}

/** When the reminder leaves, 0 for not at all: as planned, see plan_of(), if that is known. */
function promise_at(array $channel): int
{
    $due = $channel['start_time'] - 60 * $channel['live_notify_time'];
    return ($channel['plan']['why'] ?? '') === '' ? $due : $channel['plan']['at'];
}

/** Who is reminded: followers, subscribers or tag, whose members a viewer can't join; so for what is not known. */
function promise_audience(array $channel): string
{
    $audience = (string) ($channel['audience'] ?? '');
    return ['' => 'followers', 'followers' => 'followers', 'subscribers' => 'subscribers'][$audience] ?? 'tag';
}

function promise_text(Host $host, array $channel, string $phase, string $audience, int $now): string
{
    $when = promise_clock($host, $channel['start_time'], $now);
    $ahead = promise_ahead($host, $channel);
    $verb = $audience === 'followers' ? '关注公众号后' : '订阅后';
    $next = $audience === 'followers' ? '，关注后可收到下一场' : '';
    if ($audience === 'tag' && in_array($phase, ['early', 'due'], true)) {
        return "这场直播只提醒主播选定的粉丝；直播 {$when} 开始";
    }
    $texts = [
        'early'   => "{$verb}，{$ahead}会收到微信提醒",
        'due'     => "提醒即将发出，{$verb}仍可收到",
        'sending' => "本场提醒正在发出{$next}；直播 {$when} 开始",
        'sent'    => "本场提醒已发出{$next}；直播 {$when} 开始",
        'stopped' => "本场提醒已停止{$next}；直播 {$when} 开始",
        'off'     => "这场直播没有开播提醒；直播 {$when} 开始",
        'live'    => '直播已经开始',
        'past'    => "这场直播已于 {$when} 开始",
    ];
    return $texts[$phase];
}

/** What a viewer reads who has subscribed; '' where that means nothing any more. */
function promise_kept(Host $host, array $channel, string $phase, bool $inTime): string
{
    $texts = ['early' => '已订阅，' . promise_ahead($host, $channel) . '提醒您', 'due' => '已订阅，提醒即将发出'];
    if ($inTime) {
        $texts += ['sending' => '已订阅，提醒正在发出', 'sent' => '提醒已发出，请在微信中查看'];
    }
    return $texts[$phase] ?? '';
}

function promise_ahead(Host $host, array $channel): string
{
    $minutes = intdiv($channel['start_time'] - promise_at($channel), 60);
    if ($minutes < 0) {
        return '开播后（' . $host->clock(promise_at($channel), 'H:i') . ' 左右）';
    }
    return $minutes > 0 ? "开播前 {$minutes} 分钟" : '开播时';
}

/** The start as one says it today. */
function promise_clock(Host $host, int $time, int $now): string
{
    return $host->clock($time, 'Ymd') === $host->clock($now, 'Ymd') ? $host->clock($time, 'H:i')
        : $host->clock($time, $host->clock($time, 'Y') === $host->clock($now, 'Y') ? 'n月j日 H:i' : 'Y年n月j日 H:i');
}

/** When the phase ends by the clock alone. */
function promise_next(array $channel, string $phase): int
{
    $ends = [
        'early' => min(promise_at($channel), $channel['start_time']),
        'live'  => $channel['start_time'] + PROMISE_LIVE,
        'past'  => 0,
    ];
    return $ends[$phase] ?? $channel['start_time'];
}

/** Where the stream is watched, if that is another page than the host's own; else ''. */
function promise_room(Host $host, array $channel): string
{
    $url = $channel['watch_url'];
    $own = $host->config['base_url'] . "/watch/{$channel['id']}";
    return preg_match('#^https?://#i', $url) && rtrim($url, '/') !== $own ? $url : '';
}

/** The answer to a scan. $asked: the subscription is on record. */
function promise_answer(Host $host, array $channel, array $promise, bool $asked, string $link, int $now): string
{
    $title = '《' . promise_plain($channel['title']) . '》';
    $back = "\n<a href=\"$link\">" . ($promise['phase'] === 'live' ? '点这里进入直播' : '点这里回到直播间') . '</a>';
    if (!$promise['promised'] || !$asked) {
        return $title . promise_plain($promise['text']) . '。' . $back;
    }
    $stop = promise_audience($channel) === 'subscribers' ? "\n不想再收到，回复“退订”" : '';
    return "订阅成功！{$title}" . promise_clock($host, $channel['start_time'], $now) . ' 开播，'
        . ($promise['phase'] === 'due' ? '提醒即将发出' : promise_ahead($host, $channel) . '提醒您') . '。' . $back . $stop;
}

/** Text for WeChat's message, in which links alone may look like HTML. */
function promise_plain(string $text): string
{
    return str_replace(['<', '>', '&'], ' ', $text);
}
