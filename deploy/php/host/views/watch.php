<?php $d = $v['data'] ?>
<div id="watch" data-watch="<?= h(json_attribute($d)) ?>">
  <div class="stage"><span class="live"><?= h($d['started'] ? '直播' : '预告') ?></span><p id="countdown"></p></div>
  <section class="card">
    <h1><?= h($d['title']) ?></h1>
    <p class="quiet"><?= h($d['start_text']) ?> 开播</p>
    <?php if ($d['content'] !== ''): ?><p class="content"><?= h($d['content']) ?></p><?php endif ?>
  </section>
  <section class="card" id="panel" hidden>
    <h2>微信扫一扫，或长按识别，关注公众号</h2>
    <img alt="公众号二维码" width="220" height="220">
    <p class="quiet">关注后，<?= h($d['minutes'] > 0 ? "开播前 {$d['minutes']} 分钟" : '开播时') ?>会收到微信提醒</p>
    <p class="state" id="waiting"><span class="dot busy"></span><b>等待扫码…</b></p>
    <div id="ask" hidden><p class="notice good">刚刚有人扫码关注了公众号，是您吗？</p><p class="actions"><button id="no">不是我</button><button class="primary" id="yes">是我，已关注</button></p></div>
  </section>
  <div class="bottom"><?php if ($d['subscribe']['available']): ?><button class="primary" id="subscribe">订阅开播提醒</button><?php else: ?><p class="quiet"><?= h($d['subscribe']['message']) ?></p><?php endif ?></div>
</div>
