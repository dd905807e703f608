'use strict';
// The watch page: what the server says of the stream, the code, and noticing
// the follow. It shares nothing with the owner's pages: a phone loads this alone.

const $ = (selector) => document.querySelector(selector);
const id = $('#watch').dataset.id; // as text: it may be more than a number holds
const remembered = 'followed:' + id; // this browser's own word for it
const loaded = performance.now();
let data = JSON.parse($('#watch').dataset.watch);
let ours = false; // the viewer said "that was me", and the server agrees
const began = data.now; // the server's clock when the page was made
const now = () => began + (performance.now() - loaded) / 1000;
const two = (n) => String(n).padStart(2, '0');
const inWeChat = /MicroMessenger/i.test(navigator.userAgent);
const onPhone = /Android|iPhone|iPad|Mobile/i.test(navigator.userAgent);

async function api(path, post) {
  let response, answer;
  try {
    response = await fetch(`/api/watch/${id}${path}`, post ? {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'} : {});
    answer = await response.json();
  } catch (e) {
    throw Object.assign(new Error('网络不通，请稍后再试'), {code: 'network'});
  }
  if (!response.ok) throw Object.assign(new Error(answer.message || '出错了，请稍后再试'), {code: answer.code});
  return answer;
}

let toastTimer;
function toast(text) {
  $('#toast').textContent = text;
  $('#toast').classList.add('show');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('#toast').classList.remove('show'), 4000);
}

// ---- what the page says ----

function countdown() {
  const left = Math.ceil(data.start_time - now());
  const line = $('#countdown');
  if (left <= 0) {
    line.textContent = data.phase === 'past' ? data.start_text + ' 开播' : '直播已经开始';
    return;
  }
  const days = Math.floor(left / 86400);
  const clock = document.createElement('b');
  clock.textContent = (days > 0 ? days + ' 天 ' : '') + `${two(Math.floor(left / 3600) % 24)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  line.replaceChildren('距离开播', clock);
}

function show() {
  const done = data.done || (ours ? data.kept : '');
  $('#badge').textContent = data.badge;
  $('#promise').textContent = data.text;
  $('#promise').hidden = !!done; // which says it below
  $('#calendar').hidden = !data.calendar;
  $('#leave').hidden = !data.leave;
  $('#hint').hidden = !ours || data.leave || !done;
  $('#hint').textContent = data.reply ? '不想再收到：在公众号里回复“退订”' : '不想再收到：在微信里取消关注公众号';
  $('#done').hidden = !done;
  $('#done').textContent = done && '✓ ' + done;
  $('#enter').hidden = data.offer !== 'enter';
  $('#enter').href = data.room;
  $('#enter').textContent = $('#subscribe').textContent = data.button;
  $('#subscribe').hidden = !data.subscribe.available || !!done;
  if (done || !data.subscribe.available) close();
  $('.bottom').hidden = !$('#panel').hidden || (!done && data.offer === 'none');
  countdown();
}

// refresh asks the server how things stand; a page in the background waits.
let asked = now();
async function refresh() {
  if (document.hidden) return;
  asked = now();
  try {
    data = await api('');
    show();
  } catch (e) { /* what stands there was true a moment ago */ }
}

// The phase changes at a known moment, or while the reminder goes out; not all
// pages may ask at the same one.
const late = Math.random();
function tick() {
  countdown();
  const passed = data.next > 0 && now() > data.next + 10 * late && asked < data.next + 10 * late;
  const moving = ['due', 'sending'].includes(data.phase) && now() > asked + 20 + 20 * late;
  if (passed || moving) refresh();
}
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && now() > asked + 20) refresh();
});

// ---- the code ----

let after = 0, next = 0; // moments of the server's clock
let timer = 0, opened = 0;

function close() {
  clearTimeout(timer);
  $('#panel').hidden = true;
}

function say(text, retry) {
  $('#waiting').textContent = text;
  $('#waiting').hidden = !text;
  $('#retry').hidden = !retry;
}

// fetchCode asks for the code; while another request makes it, again.
async function fetchCode(tries) {
  try {
    return await api('/qrcode');
  } catch (e) {
    if (tries > 0 && (e.code === 'qrcode_busy' || e.code === 'network')) {
      await new Promise((done) => setTimeout(done, 1500));
      return fetchCode(tries - 1);
    }
    throw e;
  }
}

async function open() {
  try {
    const code = await fetchCode(4);
    after = code.after;
    $('#panel').hidden = false;
    $('.bottom').hidden = true; // it would cover the code's lower end
    draw(code.src);
    $('#panel').scrollIntoView({block: 'center'});
  } catch (e) {
    toast(e.message);
    refresh();
  }
}

// draw shows the picture, and says so while it is not there.
function draw(src) {
  const picture = $('#panel img');
  const slow = setTimeout(() => say('网络较慢，二维码还在加载…'), 6000);
  picture.onload = () => {
    clearTimeout(slow);
    picture.hidden = false;
    opened = now();
    wait();
  };
  picture.onerror = () => {
    clearTimeout(slow);
    clearTimeout(timer);
    picture.hidden = true; // no icon of a broken picture
    say('二维码没有加载出来，请检查网络', true);
  };
  say('二维码加载中…');
  picture.hidden = false;
  picture.src = src;
}

// All viewers are shown the same code (one WeChat call for a million of them),
// so a new follow may be another's: the viewer says whether it was theirs.
function wait() {
  $('#ask').hidden = true;
  say('等待扫码…');
  clearTimeout(timer);
  timer = setTimeout(look, 2000);
}

async function look() {
  const open = now() - opened;
  if (open > 900) return say('很久没有收到扫码结果', true);
  if (!document.hidden) {
    try {
      const answer = await api(`/follows?after=${after}`);
      if (answer.new) {
        next = answer.now;
        say('');
        $('#ask').hidden = false;
        $('#ask').scrollIntoView({block: 'end'});
        return;
      }
    } catch (e) { /* the next time may go better */ }
  }
  timer = setTimeout(look, open < 120 ? 2000 : 6000);
}

// ---- the viewer's word, kept in this browser and checked with the server ----

function remember(between) {
  try {
    if (between) localStorage.setItem(remembered, JSON.stringify(between));
    else localStorage.removeItem(remembered);
  } catch (e) { /* private mode */ }
}

async function recall() {
  let between = null;
  try { between = JSON.parse(localStorage.getItem(remembered)); } catch (e) { /* private mode */ }
  if (!between || !between.after) return remember(null);
  if (data.stale) return remember(null);
  try {
    ours = (await api(`/follows?after=${between.after}&until=${between.until}`)).new;
    if (!ours) remember(null); // they have left
    show();
  } catch (e) { /* not known: then nothing is claimed */ }
}

async function press(button, text, work) {
  const label = button.textContent;
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  button.textContent = text;
  try {
    await work();
  } catch (e) {
    toast(e.message);
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
    if (button.textContent === text) button.textContent = label;
  }
}

$('#subscribe').addEventListener('click', () => press($('#subscribe'), '请稍候…', async () => {
  if (!data.known) return open();
  data = await api('/subscribe', true);
  $('#subscribe').textContent = data.button;
  show();
}));
$('#leave').addEventListener('click', () => press($('#leave'), '请稍候…', async () => {
  data = await api('/leave', true);
  ours = false;
  remember(null);
  show();
  toast('已退订，这场直播不再提醒您');
}));
$('#yes').addEventListener('click', async () => {
  ours = true;
  remember({after, until: next});
  close();
  await refresh();
  show();
});
$('#no').addEventListener('click', () => {
  after = next; // only follows from then on
  opened = now();
  wait();
});
$('#retry').addEventListener('click', () => press($('#retry'), '请稍候…', open));

if (inWeChat) $('#how').textContent = '长按识别二维码，关注公众号';
$('#outside').hidden = inWeChat || !onPhone;
$('#calendar').addEventListener('click', () => {
  if (inWeChat) toast('如果没有反应，请点右上角“…”，选择在浏览器中打开');
});
show();
recall();
setInterval(tick, 1000);
