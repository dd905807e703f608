<div class="head"><h1>模板消息</h1><label class="switch big"><input type="checkbox" role="switch" aria-label="开播提醒" id="enabled"<?php if ($v['settings']['enabled']): ?> checked<?php endif ?>><span></span><b><?= h($v['settings']['enabled'] ? '已启用' : '未启用') ?></b></label></div>
<div id="settings" data-settings="<?= h(json_attribute($v['settings'])) ?>" class="columns">
<div>
  <section class="card">
    <h2><i>1</i>选择模板</h2>
    <div id="templates" class="choices"><p class="quiet">正在读取公众号的模板…</p></div>
    <div id="paste" class="sub" hidden>
      <label>模板 ID<input name="templateId" maxlength="64" placeholder="从公众平台复制，43 个字符" autocomplete="off" spellcheck="false"></label>
      <label>模板内容<textarea name="content" rows="4" placeholder="课程名称:{{thing1.DATA}}&#10;上课时间:{{time2.DATA}}" spellcheck="false"></textarea></label>
      <p class="quiet">公众平台 → 模板消息 → 我的模板 → 详情，把“模板 ID”和“详细内容”粘贴到这里。类目模板微信不提供查询，只能这样填写。</p>
    </div>
  </section>
  <section class="card" id="texts" hidden>
    <h2><i>2</i>填写内容</h2>
    <div id="fields"></div>
    <label>点击后打开<input name="url" maxlength="2048" placeholder="{{url}}" spellcheck="false"><small>{{url}} 是直播的观看地址；留空则点击没有反应</small></label>
    <details><summary>打开小程序（选填）</summary>
      <label>小程序 AppID<input name="miniappid" maxlength="64" spellcheck="false"></label>
      <label>页面路径<input name="pagepath" maxlength="512" placeholder="pages/live/index?id=1" spellcheck="false"></label>
    </details>
    <p class="notice warn" id="conflict" role="alert" hidden></p>
    <p class="actions"><button class="primary" id="save">保存</button><button id="test">发送测试</button><span class="quiet" id="pending" role="status"></span></p>
  </section>
</div>
<div>
  <section class="card sticky" id="preview" hidden>
    <h2><i>3</i>预览</h2>
    <?php if ($v['channels'] === []): ?>
    <p class="notice warn">先<a href="/channels/new">新建一场直播</a>，才能预览和测试：消息里的标题和时间来自直播。</p>
    <?php else: ?>
    <label>用这场直播的内容<select id="actid"><?php foreach ($v['channels'] as $c): ?><option value="<?= h($c['id']) ?>"><?= h($c['title'] . ' · ' . $v['host']->clock($c['start_time'], 'Y-m-d H:i')) ?></option><?php endforeach ?></select></label>
    <div class="phone"><div class="message"><h3 id="mtitle"></h3><dl id="lines"></dl><p id="more" hidden>查看详情<span>›</span></p></div></div>
    <div id="warnings"></div>
    <?php endif ?>
  </section>
</div>
</div>
<details class="card" id="braking"><summary><h2>防打扰</h2></summary>
  <p>提醒太频繁会让粉丝取关、投诉，公众号可能被微信限制。留空表示按平台的规定。</p>
  <form id="brakes" novalidate>
    <label>两次提醒至少间隔（分钟）<input name="min_gap" type="number" inputmode="numeric" min="0" max="10080" value="<?= h($v['brakes']['min_gap']) ?>"></label>
    <label>每天最多提醒（次）<input name="per_day" type="number" inputmode="numeric" min="0" max="100" value="<?= h($v['brakes']['per_day']) ?>"></label>
    <label>先发多少人，等我确认后再发其余的人<input name="first" type="number" inputmode="numeric" min="0" max="1000000" value="<?= h($v['brakes']['first']) ?>"><small>0 或留空：一次发完</small></label>
    <label>免打扰从<input name="quiet_from" type="time" value="<?= h($v['brakes']['quiet_from']) ?>"></label>
    <label>到<input name="quiet_to" type="time" value="<?= h($v['brakes']['quiet_to']) ?>"><small>时段内不发送：到点的提醒推迟到时段结束；那时已过有效时间的不发送</small></label>
    <p class="actions"><button class="primary">保存</button></p>
  </form>
</details>
<details class="card" id="callback"<?php if ($v['callback']['state'] !== 'connected'): ?> open<?php endif ?>><summary><h2>公众号服务器配置</h2><span class="badge <?= h($v['callback']['badge'][0]) ?>"><?= h($v['callback']['badge'][1]) ?></span></summary>
  <p class="quiet" id="contact" role="status"><?= h($v['callback']['text']) ?></p>
  <p class="notice warn" id="renewed" role="status" hidden>旧的令牌已经失效。请马上把下面新的地址和令牌填到公众平台并提交；验证通过后，这里会变成“已验证”。</p>
  <p>填到“公众平台 → 设置与开发 → 基本配置 → 服务器配置”，消息加解密方式选“明文模式”。填好后，观看页才能知道观众已关注，测试消息才能送达扫码的人，也才有送达回执。</p>
  <p class="notice warn">启用“服务器配置”后，在公众平台里设置的自动回复和自定义菜单会停用；一个公众号只能填一个地址，会替换原来的地址。已经接入其他系统的公众号，请先联系平台管理员。</p>
  <?php if ($v['base'] === ''): ?><p class="notice bad">平台还没有设置对外网址（base_url），下面的地址不完整，请联系平台管理员。</p><?php endif ?>
  <dl class="copy"><dt>服务器地址 URL</dt><dd><code id="callback-url"><?= h($v['callback']['url']) ?></code><button type="button" data-copy="callback-url" aria-label="复制服务器地址">复制</button></dd><dt>令牌 Token</dt><dd><code id="callback-token"><?= h($v['callback']['token']) ?></code><button type="button" data-copy="callback-token" aria-label="复制令牌">复制</button></dd></dl>
  <p class="actions"><button type="button" id="renew" data-ask="更换后，旧的地址和令牌立即失效。在公众平台填好新的之前：&#10;· 扫码订阅、退订和测试消息都不起作用，扫码的人可能看到“该公众号提供的服务出现故障”；&#10;· 收不到送达回执。&#10;已经订阅的人不受影响，提醒照常发送。&#10;请先登录公众平台，更换后马上填写。确定更换吗？">更换令牌</button><span class="quiet">令牌泄露，或知道令牌的人离开时使用</span></p>
</details>
<dialog id="testbox"><h2>发送测试消息</h2><p>用要接收测试的微信扫码。还没有关注的会先关注公众号。</p><img alt="测试二维码" width="220" height="220"><p class="state"><span class="dot"></span><b></b></p><p class="actions"><button data-close>关闭</button></p></dialog>
<dialog id="enablebox"><h2>启用开播提醒</h2><p>启用后，开启了提醒的直播会在开播前通知各自的提醒对象。以上面选中的直播为例：</p><dl class="facts"><div><dt>通知人数</dt><dd data-fact="people"></dd></div><div><dt>大约需要</dt><dd data-fact="duration"></dd></div><div><dt>今日剩余额度</dt><dd data-fact="quota"></dd></div></dl><div id="problems"></div><p class="actions"><button data-close>再想想</button><button class="primary" id="confirm">确认启用</button></p></dialog>
