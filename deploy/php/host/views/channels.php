<div class="head"><h1>频道</h1><a class="button primary" href="/channels/new">新建频道</a></div>
<?php if (!$v['enabled']): ?>
<p class="notice warn">模板消息还没有启用，开启了提醒的频道到时也不会发送。<a href="/settings">去启用</a></p>
<?php endif ?>
<?php if ($v['items'] === []): ?>
<section class="card empty"><p>还没有频道。</p><p class="quiet">新建一个频道并开启提醒，开播前会自动通知订阅者或粉丝。</p></section>
<?php endif ?>
<?php foreach ($v['items'] as $item): ?>
<a class="card row" href="/channels/<?= h($item['channel']['id']) ?>">
  <span class="grow"><b><?= h($item['channel']['title']) ?></b><span class="quiet"><?= h($item['when']) ?></span></span>
  <span class="badge <?= h($item['badge'][0]) ?>"><?= h($item['badge'][1]) ?></span>
</a>
<?php endforeach ?>
