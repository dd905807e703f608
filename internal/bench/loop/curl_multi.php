<?php
// What one would write in PHP: curl_multi with $c requests in flight, each
// handle reused with its connection. It records nothing and retries nothing.
//
//   php curl_multi.php url token template c cert
[, $url, $token, $template, $c, $cert] = $argv;
$c = (int) $c;

function followers(string $url, string $token, string $cert): Generator
{
    for ($next = ''; ;) {
        $h = curl_init("$url/cgi-bin/user/get?access_token=$token&next_openid=$next");
        curl_setopt_array($h, [CURLOPT_RETURNTRANSFER => true, CURLOPT_CAINFO => $cert]);
        $page = json_decode(curl_exec($h), true);
        yield from $page['data']['openid'] ?? [];
        if (($next = $page['next_openid'] ?? '') === '' || empty($page['data']['openid'])) {
            return;
        }
    }
}

$multi = curl_multi_init();
curl_multi_setopt($multi, CURLMOPT_MAXCONNECTS, $c);
$people = followers($url, $token, $cert);
$bad = 0;
$body = fn (string $openid) => json_encode([
    'touser' => $openid, 'template_id' => $template, 'url' => 'https://live.example.com/1', 'client_msg_id' => 'php',
    'data' => ['thing1' => ['value' => 'Go 语言直播课'], 'time2' => ['value' => '2026年01月02日 15:04']],
], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);

$next = function (CurlHandle $h) use ($multi, $people, $body): void {
    if ($people->valid()) {
        curl_setopt($h, CURLOPT_POSTFIELDS, $body($people->current()));
        $people->next();
        curl_multi_add_handle($multi, $h);
    }
};
for ($i = 0; $i < $c; $i++) {
    $h = curl_init("$url/cgi-bin/message/template/send?access_token=$token");
    curl_setopt_array($h, [
        CURLOPT_POST => true, CURLOPT_RETURNTRANSFER => true, CURLOPT_CAINFO => $cert,
        CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'Expect:'], CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
    ]);
    $next($h);
}
do {
    curl_multi_exec($multi, $running);
    while ($done = curl_multi_info_read($multi)) {
        $h = $done['handle'];
        $answer = json_decode((string) curl_multi_getcontent($h), true);
        if (($answer['errcode'] ?? -1) !== 0) {
            $bad++;
        }
        curl_multi_remove_handle($multi, $h);
        $next($h);
        $running = 1;
    }
    if ($running) {
        curl_multi_select($multi, 1);
    }
} while ($running);
if ($bad > 0) {
    fwrite(STDERR, "$bad sends failed\n");
    exit(1);
}
