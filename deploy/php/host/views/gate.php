<section class="card">
  <h1><?= h(count($v['missing']) > 1 ? '还差两步' : '还差一步') ?>，就能使用开播提醒</h1>
  <p class="quiet">开播前，用公众号的模板消息自动提醒订阅者或粉丝。需要满足下面两个条件：</p>
  <ul class="checks">
    <?php foreach (['gate_edition' => '标准版或以上', 'gate_account' => '已配置公众号'] as $code => $name): ?>
    <?php $todo = $v['missing'][$code] ?? '' ?>
    <li class="<?= h($todo === '' ? 'good' : 'bad') ?>" data-gate="<?= h($code) ?>">
      <b><?= h($name) ?></b>
      <span><?= h($todo === '' ? '已满足' : $todo) ?></span>
      <?php if ($todo !== '' && isset($v['ways'][$code])): ?><a class="button primary" href="<?= h($v['ways'][$code][1]) ?>"><?= h($v['ways'][$code][0]) ?></a><?php endif ?>
    </li>
    <?php endforeach ?>
  </ul>
</section>
