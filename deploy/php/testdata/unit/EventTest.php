<?php
declare(strict_types=1);

use PHPUnit\Framework\TestCase;
use Pushd\Platform\Callback\Event;
use Pushd\Platform\Callback\Refused;
use Pushd\Platform\Callback\Signature;

final class EventTest extends TestCase
{
    private function xml(string $type, string $rest): string
    {
        return "<xml><FromUserName><![CDATA[oA]]></FromUserName><CreateTime>7</CreateTime><MsgType><![CDATA[$type]]></MsgType>$rest</xml>";
    }

    public function testKinds(): void
    {
        $scan = Event::read($this->xml('event', '<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[qrscene_live_42]]></EventKey>'));
        self::assertSame(['subscribe', 'oA', 7, 'live_42', 42], [$scan->kind, $scan->openid, $scan->created, $scan->scene, $scan->channel()]);
        self::assertSame(Event::STOP, Event::read($this->xml('text', '<Content><![CDATA[ td ]]></Content>'))->kind);
        self::assertNull(Event::read($this->xml('text', '<Content><![CDATA[T恤]]></Content>')));
        self::assertNull(Event::read($this->xml('event', '<Event><![CDATA[VIEW]]></Event>')));
        self::assertNull(Event::read('<xml></xml>'));
    }

    public function testChannel(): void
    {
        $scenes = ['live_1' => 1, 'live_9223372036854775807' => PHP_INT_MAX, 'live_9223372036854775808' => 0,
            'live_0' => 0, 'live_01' => 0, 'live_' => 0, 'xlive_1' => 0, "live_1\n" => 0, '' => 0];
        foreach ($scenes as $scene => $channel) {
            self::assertSame($channel, Event::of(['scene' => (string) $scene])->channel(), "$scene");
        }
    }

    public function testReplyCanNotLeaveItsText(): void
    {
        $xml = Event::of(['openid' => 'oA', 'account' => 'gh'])->reply('a]]><b>', 7);
        self::assertSame(4, substr_count($xml, ']]>'));
    }

    public function testSignature(): void
    {
        $token = Signature::token('secret', 'wx1');
        self::assertNotSame($token, Signature::token('secret', 'wx1', 1));
        self::assertNotSame($token, Signature::token('secret', 'wx11'));
        $sign = function (int $time) use ($token): array {
            $parts = [$token, (string) $time, 'n'];
            sort($parts, SORT_STRING);
            return ['timestamp' => (string) $time, 'nonce' => 'n', 'signature' => sha1(implode('', $parts))];
        };
        self::assertSame(40, strlen(Signature::check($token, $sign(1000), 1300)));
        foreach ([[$sign(1000), 1301], [$sign(1000), 699], [['nonce' => 'm'] + $sign(1000), 1000], [['signature' => ['x']] + $sign(1000), 1000]] as list($query, $now)) {
            try {
                Signature::check($token, $query, $now);
                self::fail(json_encode($query));
            } catch (Refused $e) {
                self::assertContains($e->getCode(), [400, 403]);
            }
        }
    }
}
