<?php
/** A stream as a calendar entry (RFC 5545), for viewers whom no reminder will reach. */
declare(strict_types=1);

const CALENDAR_ALARM = 10;  // minutes before the start
const CALENDAR_LENGTH = 60; // minutes that the entry takes: no end is known

/** The entry. Its times are in UTC, which every calendar shows in its owner's zone. */
function calendar_text(Host $host, array $channel, int $now): string
{
    $start = $channel['start_time'];
    $name = preg_replace('#^https?://#i', '', $host->config['base_url']);
    $page = $host->config['base_url'] . "/watch/{$channel['id']}";
    $lines = [
        'BEGIN:VCALENDAR',
        'VERSION:2.0',
        'PRODID:-//pushd//live reminder//CN',
        'CALSCALE:GREGORIAN',
        'METHOD:PUBLISH',
        'BEGIN:VEVENT',
        "UID:live-{$channel['id']}@" . ($name !== '' ? $name : 'host'),
        'DTSTAMP:' . gmdate('Ymd\THis\Z', $now),
        'DTSTART:' . gmdate('Ymd\THis\Z', $start),
        'DTEND:' . gmdate('Ymd\THis\Z', $start + 60 * CALENDAR_LENGTH),
        'SUMMARY:' . calendar_escape('直播：' . $channel['title']),
        'DESCRIPTION:' . calendar_escape(trim($channel['content'] . "\n" . $page)),
        'URL:' . $page,
        'BEGIN:VALARM',
        'ACTION:DISPLAY',
        'DESCRIPTION:' . calendar_escape('直播快开始了：' . $channel['title']),
        'TRIGGER:' . ($start - 60 * CALENDAR_ALARM > $now ? '-PT' . CALENDAR_ALARM . 'M' : 'PT0S'),
        'END:VALARM',
        'END:VEVENT',
        'END:VCALENDAR',
    ];
    return implode("\r\n", array_map('calendar_fold', $lines)) . "\r\n";
}

function calendar_escape(string $text): string
{
    $text = preg_replace('/[\x00-\x09\x0b-\x1f\x7f]/', '', $text);
    return strtr($text, ['\\' => '\\\\', ';' => '\\;', ',' => '\\,', "\n" => '\\n']);
}

/** A line has 75 bytes at most; the next one goes on after a blank. No character is cut. */
function calendar_fold(string $line): string
{
    $folded = '';
    $length = 0;
    foreach (preg_split('//u', $line, -1, PREG_SPLIT_NO_EMPTY) as $character) {
        if ($length + strlen($character) > 75) {
            $folded .= "\r\n ";
            $length = 1;
        }
        $folded .= $character;
        $length += strlen($character);
    }
    return $folded;
}
