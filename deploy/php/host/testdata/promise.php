<?php
/** For tests: what promise_of() says of the channels in its argument. */
declare(strict_types=1);

foreach (['host', 'promise'] as $name) {
    require_once __DIR__ . "/../app/$name.php";
}
$host = new Host();
$answers = [];
foreach (json_decode($argv[1], true) as $case) {
    $promise = promise_of($host, $case['channel'], $case['open'], $case['now']);
    $answers[] = $promise + [
        'answer' => promise_answer($host, $case['channel'], $promise, true, 'https://x.example/', $case['now']),
        'kept'   => promise_kept($host, $case['channel'], $promise['phase'], true),
        'late'   => promise_kept($host, $case['channel'], $promise['phase'], false),
    ];
}
echo json_encode($answers, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
