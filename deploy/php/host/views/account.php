<form class="card narrow" method="post" action="/account">
  <h1>公众号设置</h1>
  <p class="quiet">提醒由这个公众号发出。AppID 和 AppSecret 在“公众平台 → 设置与开发 → 基本配置”中。</p>
  <?php if ($v['error'] !== ''): ?><p class="notice bad" role="alert"><?= h($v['error']) ?></p><?php endif ?>
  <input type="hidden" name="csrf" value="<?= h($v['csrf']) ?>">
  <label>AppID<input name="appid" autocomplete="off" spellcheck="false" required value="<?= h($v['appid']) ?>"></label>
  <label>AppSecret<input name="secret" type="password" autocomplete="off" required><small>保存后不再显示，更换公众号时需要重新填写</small></label>
  <button class="primary">保存</button>
</form>
