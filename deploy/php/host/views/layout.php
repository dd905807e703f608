<?php declare(strict_types=1); /** The frame of every page; $v holds what is shown. */ ?>
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="csrf" content="<?= h($v['csrf']) ?>">
<title><?= h($v['title']) ?> · 开播提醒</title>
<link rel="icon" href="<?= h(http_asset('icon.svg')) ?>">
<link rel="stylesheet" href="<?= h(http_asset('style.css')) ?>">
</head>
<body class="<?= h($v['view']) ?>">
<?php if ($v['owner'] !== null): ?>
<header class="top"><div class="wide">
  <a class="brand" href="/channels"><img src="<?= h(http_asset('icon.svg')) ?>" alt="" width="28" height="28">开播提醒</a>
  <nav>
    <?php if ($v['view'] !== 'gate'): ?>
    <a href="/channels"<?php if (in_array($v['view'], ['channels', 'channel'], true)): ?> aria-current="page"<?php endif ?>>直播</a>
    <a href="/settings"<?php if ($v['view'] === 'settings'): ?> aria-current="page"<?php endif ?>>模板消息</a>
    <?php endif ?>
    <?php if ($host->config['account_url'] !== ''): ?><a href="<?= h($host->config['account_url']) ?>"<?php if ($v['view'] === 'account'): ?> aria-current="page"<?php endif ?>>公众号</a><?php endif ?>
    <form method="post" action="/logout"><input type="hidden" name="csrf" value="<?= h($v['csrf']) ?>"><button class="link">退出</button></form>
  </nav>
</div></header>
<?php endif ?>
<main class="wide">
<noscript><p class="notice warn">这个页面需要 JavaScript，请在浏览器中开启后刷新。</p></noscript>
<?php require __DIR__ . '/' . basename($v['view']) . '.php' ?>
</main>
<div id="toast" role="status" aria-live="polite"></div>
<?php if ($v['owner'] !== null): ?><dialog id="ask-box" aria-labelledby="ask-text"><form method="dialog"><p id="ask-text"></p><p class="actions"><button value="no" autofocus>取消</button><button class="primary" value="yes">确定</button></p></form></dialog><?php endif ?>
<script src="<?= h(http_asset('app.js')) ?>"></script>
<?php foreach ($v['scripts'] as $script): ?><script src="<?= h(http_asset("$script.js")) ?>"></script><?php endforeach ?>
</body>
</html>
