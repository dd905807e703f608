<?php $d = $v['data'] ?>
<div id="watch" data-id="<?= h($d['id']) ?>" data-watch="<?= h(json_attribute($d)) ?>">
  <div class="stage"><span class="badge" id="badge"><?= h($d['badge']) ?></span><p id="countdown"><?= h($d['start_text'] . ' 开播') ?></p></div>
  <section class="card">
    <h1><?= h($d['title']) ?></h1>
    <p class="quiet"><?= h($d['start_text']) ?> 开播</p>
    <p class="promise" id="promise"<?php if ($d['done'] !== ''): ?> hidden<?php endif ?>><?= h($d['text']) ?></p>
    <p class="links">
      <a class="button" id="calendar" href="<?= h("/watch/{$d['id']}/calendar.ics") ?>"<?php if (!$d['calendar']): ?> hidden<?php endif ?>>加入日历</a>
      <button type="button" id="leave"<?php if (!$d['leave']): ?> hidden<?php endif ?>>退订</button>
    </p>
    <p class="quiet" id="hint" hidden></p>
    <?php if ($d['content'] !== ''): ?><p class="content"><?= h($d['content']) ?></p><?php endif ?>
  </section>
  <section class="card" id="panel" aria-labelledby="how" hidden>
    <h2 id="how">用微信扫一扫，关注公众号</h2>
    <img alt="公众号二维码" width="220" height="220">
    <p class="quiet" id="outside" hidden>在手机上：截图后打开微信“扫一扫”，从相册选取截图识别</p>
    <p class="state" id="waiting" role="status"></p>
    <p class="links"><button type="button" id="retry" hidden>重新加载二维码</button></p>
    <div id="ask" role="group" aria-labelledby="asked" hidden><p class="notice" id="asked">刚刚有人扫码关注了公众号，是您吗？</p><p class="links"><button type="button" id="no">不是我</button><button type="button" class="primary" id="yes">是我</button></p></div>
  </section>
  <div class="bottom"<?php if ($d['offer'] === 'none' && $d['done'] === ''): ?> hidden<?php endif ?>>
    <p class="notice" id="done" role="status"<?php if ($d['done'] === ''): ?> hidden<?php endif ?>><?= h('✓ ' . $d['done']) ?></p>
    <a class="button primary" id="enter" href="<?= h($d['room']) ?>"<?php if ($d['offer'] !== 'enter'): ?> hidden<?php endif ?>><?= h($d['button']) ?></a>
    <button type="button" class="primary" id="subscribe"<?php if (!$d['subscribe']['available'] || $d['done'] !== ''): ?> hidden<?php endif ?>><?= h($d['button']) ?></button>
  </div>
  <p id="toast" role="status" aria-live="polite"></p>
  <noscript><p class="notice">订阅和倒计时需要开启浏览器的 JavaScript。</p></noscript>
</div>
