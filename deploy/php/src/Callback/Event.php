<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

/** What WeChat sends in plain mode (明文模式). */
final class Event
{
    const SUBSCRIBE = 'subscribe';
    const SCAN = 'SCAN';
    const UNSUBSCRIBE = 'unsubscribe';
    /** A message 退订: the follower wants no more reminders. */
    const STOP = 'STOP';

    private const STOP_WORDS = ['退订', 'TD', 'T'];

    public $kind;
    /** Who follows, scans or leaves. */
    public $openid;
    /** WeChat's own name of the account. */
    public $account;
    /** WeChat's CreateTime, unix seconds. */
    public $created;
    /** Of the code that was scanned; '' where it can't be one of ours. */
    public $scene;

    /** The event in a body, or null: another message, which is not for us. */
    public static function read(string $body): ?self
    {
        $event = new self();
        $event->openid = self::field($body, 'FromUserName');
        $event->account = self::field($body, 'ToUserName');
        $event->created = (int) self::field($body, 'CreateTime');
        $event->kind = self::kind($body);
        $event->scene = $event->kind === self::STOP ? '' : self::scene(self::field($body, 'EventKey'));
        return $event->kind !== '' && preg_match('/^[\w-]{1,64}$/D', $event->openid) ? $event : null;
    }

    /** An event by its parts, as get_object_vars() gives them. */
    public static function of(array $parts): self
    {
        $event = new self();
        foreach (['kind', 'openid', 'account', 'created', 'scene'] as $name) {
            $event->$name = $parts[$name] ?? '';
        }
        return $event;
    }

    /** The channel whose code was scanned, 0 for none: the scene is live_ and its number. */
    public function channel(): int
    {
        return preg_match('/^live_([1-9]\d{0,18})$/D', $this->scene, $m) && (string) (int) $m[1] === $m[1] ? (int) $m[1] : 0;
    }

    /** Is it what became of a message that was sent (TEMPLATESENDJOBFINISH)? Those come at sending speed. */
    public static function isReceipt(string $body): bool
    {
        return strpos($body, '<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>') !== false;
    }

    /** Nothing in it can be read: the account's mode is 安全模式. In 兼容模式 the plain fields are there as well. */
    public static function isSealed(string $body): bool
    {
        return self::field($body, 'Encrypt') !== '' && self::field($body, 'MsgType') === '';
    }

    /** The XML of a message to whom the event is of. */
    public function reply(string $text, int $now): string
    {
        return sprintf('<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName>'
            . '<CreateTime>%d</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content></xml>',
            $this->openid, $this->account, $now, str_replace(']]>', ' ', $text));
    }

    /** A field of a body. The XML is flat and written by WeChat: no parser is needed, and so none can be tricked. */
    private static function field(string $body, string $name): string
    {
        return preg_match("#<$name>(?:<!\\[CDATA\\[)?([^\\]<]*)#", $body, $m) ? $m[1] : '';
    }

    /** One of the kinds above, or ''. */
    private static function kind(string $body): string
    {
        $type = self::field($body, 'MsgType');
        if ($type === 'text') {
            return in_array(strtoupper(trim(self::field($body, 'Content'))), self::STOP_WORDS, true) ? self::STOP : '';
        }
        $kind = $type === 'event' ? self::field($body, 'Event') : '';
        return in_array($kind, [self::SUBSCRIBE, self::SCAN, self::UNSUBSCRIBE], true) ? $kind : '';
    }

    /** The scene of a code, as far as it is one that can be ours: others are the platform's, and of any length. */
    private static function scene(string $key): string
    {
        $scene = preg_replace('/^qrscene_/', '', $key);
        return preg_match('/^[\w.:@-]{0,64}$/D', $scene) ? $scene : '';
    }
}
