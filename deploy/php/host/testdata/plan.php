<?php
/** For tests: what plan_all() says of channels by their owner's brakes, and in which words. */
declare(strict_types=1);

foreach (['host', 'brakes', 'channel', 'plan'] as $name) {
    require_once __DIR__ . "/../app/$name.php";
}
$host = new Host();
$asked = json_decode($argv[1], true);
$brakes = $asked['brakes'] + ['min_gap' => null, 'per_day' => null, 'first' => null, 'quiet_from' => null, 'quiet_to' => null];
$said = [];
foreach (plan_all($host, $brakes, array_column($asked['channels'], null, 'id'), $asked['now']) as $id => $plan) {
    $said[$id] = $plan + ['text' => plan_text($host, array_column($asked['channels'], null, 'id')[$id], $plan, $brakes)];
}
echo json_encode($said, JSON_UNESCAPED_UNICODE);
