<?php declare(strict_types=1); /** The frame of what viewers see; $v holds what is shown. */ ?>
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title><?= h($v['title']) ?></title>
<?php if (isset($v['data'])): $d = $v['data'] ?>
<meta name="description" content="<?= h($d['start_text'] . ' 开播') ?>">
<meta property="og:type" content="website">
<meta property="og:title" content="<?= h($d['title']) ?>">
<meta property="og:description" content="<?= h($d['start_text'] . ' 开播' . ($d['content'] !== '' ? '：' . iconv_substr($d['content'], 0, 60, 'UTF-8') : '')) ?>">
<?php if ($v['base'] !== ''): ?>
<meta property="og:url" content="<?= h("{$v['base']}/watch/{$d['id']}") ?>">
<link rel="canonical" href="<?= h("{$v['base']}/watch/{$d['id']}") ?>">
<?php endif ?>
<?php endif ?>
<link rel="icon" href="<?= h(http_asset('icon.svg')) ?>">
<link rel="stylesheet" href="<?= h(http_asset('watch.css')) ?>">
</head>
<body>
<main>
<?php require __DIR__ . '/' . basename($v['view']) . '.php' ?>
</main>
<?php if ($v['view'] === 'watch'): ?><script src="<?= h(http_asset('watch.js')) ?>"></script><?php endif ?>
</body>
</html>
