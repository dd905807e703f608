<form class="card narrow" method="post" action="/login">
  <img src="<?= h(http_asset('icon.svg')) ?>" alt="" width="56" height="56">
  <h1>直播开播提醒</h1>
  <p class="quiet">演示登录：请换成平台自己的登录</p>
  <?php if ($v['error'] !== ''): ?><p class="notice bad" role="alert"><?= h($v['error']) ?></p><?php endif ?>
  <input type="hidden" name="csrf" value="<?= h($v['csrf']) ?>">
  <input type="hidden" name="next" value="<?= h($v['next']) ?>">
  <label>账号（UIN）<input name="uin" inputmode="numeric" autocomplete="username" required value="<?= h($v['uin']) ?>"></label>
  <label>密码<input name="password" type="password" autocomplete="current-password" required></label>
  <button class="primary">登录</button>
</form>
