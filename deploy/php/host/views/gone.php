<section class="card">
  <h1><?= h($v['title']) ?></h1>
  <p><?= h($v['text']) ?></p>
<?php if ($v['again']): ?><p><a class="button" href="">重试</a></p><?php else: ?><p class="quiet">请检查链接是否完整，或向分享给您的人要一个新的链接。</p><?php endif ?>
</section>
