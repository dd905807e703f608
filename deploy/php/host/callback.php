<?php
/**
 * Where WeChat sends its events: /wechat/callback?appid=wx…
 *
 * Every message that is sent comes back as one TEMPLATESENDJOBFINISH, at
 * sending speed. Of those that are not to be handed on to pushd by PHP nothing
 * is loaded but the settings.
 * 每发一条模板消息就会回调一次：不由 PHP 转交时，直接应答。
 */
declare(strict_types=1);

ini_set('display_errors', '0');
foreach (['host', 'http', 'account', 'gate', 'brakes', 'plan', 'channel', 'saved', 'settings', 'template', 'pushd', 'wechat', 'qrcode', 'trial', 'promise', 'subscriber',
    'follow', 'contact', 'receipt', 'watch', 'event'] as $name) {
    require_once __DIR__ . "/app/$name.php";
}
$body = (string) file_get_contents('php://input', false, null, 0, 65536);
try {
    event_main(new Host(), $body);
} catch (Pushd\Platform\Callback\Refused $r) {
    error_log('wechat callback: ' . $r->getMessage());
    http_response_code($r->getCode());
    echo $r->getMessage();
} catch (Refusal $r) {
    error_log('wechat callback: ' . $r->getMessage());
    http_response_code($r->status);
    echo $r->getMessage();
} catch (Throwable $e) {
    error_log('wechat callback: ' . $e->getMessage());
    http_response_code(500); // WeChat comes again
}
