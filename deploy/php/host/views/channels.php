<div class="head"><h1>直播</h1><a class="button primary" href="/channels/new">新建直播</a></div>
<?php if (!$v['enabled']): ?>
<p class="notice warn">模板消息还没有启用，开启了提醒的直播到时也不会发送。<a href="/settings">去启用</a></p>
<?php endif ?>
<?php if (array_sum($v['counts']) === 0): ?>
<section class="card empty"><p>还没有直播。</p><p class="quiet">新建一场直播并开启提醒，开播前会自动通知订阅者或粉丝。</p></section>
<?php else: ?>
<form class="search" method="get" action="/channels" role="search"><input type="search" name="q" value="<?= h($v['search']) ?>" maxlength="64" placeholder="按标题搜索" aria-label="按标题搜索直播"><button>搜索</button></form>
<nav class="tabs" aria-label="直播分组">
  <a href="/channels"<?php if ($v['group'] === '' && $v['search'] === ''): ?> aria-current="page"<?php endif ?>>进行中和即将开播（<?= h($v['counts']['now'] + $v['counts']['next']) ?>）</a>
  <a href="/channels?group=past"<?php if ($v['group'] === 'past'): ?> aria-current="page"<?php endif ?>>已结束（<?= h($v['counts']['past']) ?>）</a>
</nav>
<?php $any = false; foreach ($v['groups'] as $group => $found): ?>
<?php if ($found['items'] !== []): $any = true ?>
<h2 class="group"><?= h(CHANNEL_GROUPS[$group]) ?></h2>
<ul class="rows">
<?php foreach ($found['items'] as $item): $id = $item['channel']['id'] ?>
<li class="card row">
  <a class="grow" href="/channels/<?= h($id) ?>"><b><?= h($item['channel']['title']) ?></b><span class="quiet"><?= h($item['when']) ?></span><?php if ($item['plan'] !== ''): ?><span class="plan"><?= h($item['plan']) ?></span><?php endif ?></a>
  <span class="badge <?= h($item['badge'][0]) ?>"><?= h($item['badge'][1]) ?></span>
  <a class="button small" href="/channels/new?from=<?= h($id) ?>" aria-label="复制“<?= h($item['channel']['title']) ?>”为新的直播">复制</a>
</li>
<?php endforeach ?>
</ul>
<?php endif ?>
<?php if ($found['more'] || ($v['page'] > 1 && $group === ($v['group'] ?: 'next'))): $to = ['group' => $group] + ($v['search'] !== '' ? ['q' => $v['search']] : []) ?>
<p class="pager"><?php if ($v['page'] > 1): ?><a class="button" href="/channels?<?= h(http_build_query($to + ['page' => $v['page'] - 1])) ?>">上一页</a><?php endif ?><?php if ($found['more']): ?><a class="button" href="/channels?<?= h(http_build_query($to + ['page' => $v['page'] + 1])) ?>">下一页</a><?php endif ?></p>
<?php endif ?>
<?php endforeach ?>
<?php if (!$any): ?><section class="card empty"><p><?= h($v['search'] !== '' ? '没有找到标题包含“' . $v['search'] . '”的直播。' : '这里没有直播。') ?></p></section><?php endif ?>
<?php endif ?>
