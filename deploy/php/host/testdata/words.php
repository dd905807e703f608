<?php
/** Prints, as JSON, what owners read for what pushd may say: given as JSON. */
declare(strict_types=1);

foreach (['host', 'http', 'pushd', 'wechat', 'template', 'reminder'] as $name) {
    require_once __DIR__ . "/../app/$name.php";
}
$asked = json_decode($argv[1], true);
$said = [];
foreach ($asked['codes'] as $code) {
    $said["code $code"] = pushd_words($code);
}
foreach ($asked['problems'] as $problem) {
    $said['problem ' . json_encode($problem)] = pushd_chinese('invalid_request', $problem);
}
foreach ($asked['reasons'] as $reason) {
    $said["reason $reason"] = (REMINDER_REASONS[$reason] ?? [''])[0];
}
foreach ($asked['warnings'] as $code) {
    $said["warning $code"] = template_warning(['code' => $code, 'detail' => 'in English']);
}
foreach (array_keys(WECHAT_REMEDIES) as $code) {
    $said["WeChat $code"] = wechat_answer($code);
}
echo json_encode($said, JSON_UNESCAPED_UNICODE);
