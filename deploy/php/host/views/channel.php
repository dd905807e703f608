<?php $c = $v['channel'] ?>
<div class="head"><h1><?= h($c['id'] === 0 ? '新建直播' : $c['title']) ?></h1><?php if ($c['id'] !== 0): ?><span class="buttons"><a class="button" href="/channels/new?from=<?= h($c['id']) ?>">复制</a><a class="button" href="/watch/<?= h($c['id']) ?>" target="_blank" rel="noopener">观看页</a></span><?php endif ?></div>
<?php if ($v['reminder'] !== null): ?>
<section class="card" id="reminder" data-id="<?= h($c['id']) ?>" data-reminder="<?= h(json_attribute($v['reminder'])) ?>">
  <h2>提醒状态</h2>
  <p class="state" role="status"><span class="dot"></span><b></b></p>
  <p class="todo" id="todo" hidden></p>
  <div class="progress" hidden>
    <progress max="100" value="0" aria-label="发送进度"></progress>
    <p class="figures quiet"></p>
    <ul class="receipts" hidden></ul>
    <dl class="counts"><div><dt>已送出</dt><dd data-count="sent"></dd></div><div><dt>不接收</dt><dd data-count="skipped"></dd></div><div><dt>失败</dt><dd data-count="failed"></dd></div><div><dt>未知</dt><dd data-count="unknown"></dd></div></dl>
    <p class="quiet">“不接收”是已取消关注或拒收消息的人；“未知”是微信没有回答，为避免重复不再发送的人。</p>
  </div>
  <p class="actions" hidden><?php foreach (['resume', 'stop', 'continue', 'retry', 'restart'] as $do): ?><button type="button" data-do="<?= h($do) ?>"<?php if ($do !== 'restart'): ?> class="<?= h($do === 'stop' ? 'danger' : 'primary') ?>"<?php endif ?> hidden></button><?php endforeach ?></p>
</section>
<?php endif ?>
<form class="card" id="channel" data-id="<?= h($c['id']) ?>" data-key="<?= h($v['key']) ?>" data-version="<?= h($v['version']) ?>" data-now="<?= h($v['now']) ?>" data-audience="<?= h($c['audience']) ?>" data-status="<?= h($c['live_notify_status']) ?>" data-subscribers="<?= h($v['subscribers']) ?>" data-enabled="<?= h($v['enabled'] ? 1 : 0) ?>" method="post" novalidate>
  <label>标题<input name="title" maxlength="64" required placeholder="例如：零基础学烘焙" value="<?= h($c['title']) ?>"></label>
  <label>开播时间<input name="start_time" type="datetime-local" required value="<?= h($v['start']) ?>"><small><?= h($v['zone']) ?></small></label>
  <label>简介<textarea name="content" rows="3" maxlength="2000" placeholder="选填，显示在观看页"><?= h($c['content']) ?></textarea></label>
  <label>观看地址<input name="watch_url" type="url" maxlength="512" placeholder="<?= h($v['base'] === '' ? 'https://' : '选填，默认使用本站的观看页') ?>" value="<?= h($c['watch_url']) ?>"><small>粉丝点开提醒后看到的页面</small></label>
  <div class="switchrow"><label class="switch"><input type="checkbox" name="live_notify"<?php if ($c['live_notify']): ?> checked<?php endif ?>><span></span>开播提醒</label></div>
  <div class="sub" id="when">
    <label>提前多少分钟<input name="live_notify_time" type="number" inputmode="numeric" min="0" max="1440" value="<?= h($c['live_notify_time']) ?>"></label>
    <div class="chips"><?php foreach ([0 => '开播时', 10 => '10 分钟', 30 => '30 分钟', 60 => '1 小时'] as $minutes => $name): ?><button type="button" data-minutes="<?= h($minutes) ?>"><?= h($name) ?></button><?php endforeach ?></div>
    <p class="quiet" id="due"></p>
    <fieldset id="audience"<?php if ($c['live_notify_status'] === 1): ?> disabled<?php endif ?>><legend>提醒对象</legend>
      <div class="choices"><?php foreach ($v['audiences'] as $value => $name): ?><label><input type="radio" name="audience" value="<?= h($value) ?>"<?php if ($value === $c['audience']): ?> checked<?php endif ?>><span><?= h($name) ?><?php if ($value === 'subscribers'): ?><span class="badge good">推荐</span><?php endif ?><small data-people="<?= h($value) ?>"></small></span></label><?php endforeach ?></div>
      <p class="quiet" id="counted" hidden><span>粉丝和标签的人数统计于 <b></b>，订阅人数是最新的</span><button type="button" class="small" id="recount">重新统计</button></p>
      <p class="quiet">微信规定，模板消息只能发给主动要求接收的人，不得用于营销和打扰。</p>
      <p class="quiet">发给没有订阅的粉丝，可能被投诉、被限制发送，严重的会永久封禁接口。</p>
    </fieldset>
  </div>
  <p class="notice warn" id="conflict" role="alert" hidden></p>
  <p class="actions"><button class="primary">保存</button></p>
</form>
<?php if ($c['id'] !== 0): ?>
<section class="card"><h2>订阅记录</h2><p class="quiet">谁在什么时候、以哪种方式订阅了这场直播。被投诉或处罚时，可以作为对方主动要求接收的凭证。</p><p class="actions"><a class="button" href="/channels/<?= h($c['id']) ?>/subscribers.csv" download>导出 CSV</a></p></section>
<?php endif ?>
