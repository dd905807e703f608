<?php
/**
 * Where WeChat sends its events: /wechat/callback?appid=wx…
 *
 * Every message that is sent comes back as one TEMPLATESENDJOBFINISH, at
 * sending speed. They are answered here, before anything is loaded; since
 * nothing is done with them, nobody need prove who they are.
 * 每发一条模板消息就会回调一次：在加载任何代码之前直接应答。
 */
declare(strict_types=1);

$body = (string) file_get_contents('php://input', false, null, 0, 65536);
if (strpos($body, '<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>') !== false) {
    echo 'success';
    return;
}

ini_set('display_errors', '0');
foreach (['host', 'http', 'channel', 'saved', 'settings', 'template', 'pushd', 'qrcode', 'trial', 'follow', 'event'] as $name) {
    require_once __DIR__ . "/app/$name.php";
}
try {
    event_main(new Host(), $body);
} catch (Refusal $r) {
    error_log('wechat callback: ' . $r->getMessage());
    http_response_code($r->status);
    echo $r->getMessage();
} catch (Throwable $e) {
    error_log('wechat callback: ' . $e->getMessage());
    http_response_code(500); // WeChat comes again
}
