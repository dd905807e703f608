<section class="card narrow">
  <h1>打不开这个页面</h1>
  <p><?= h($v['text']) ?></p>
  <p><a class="button" href="/">回到首页</a></p>
</section>
