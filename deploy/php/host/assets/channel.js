'use strict';
// Creating and editing a channel.

const form = $('#channel');
const channelID = form.dataset.id;
const TEXTS = ['title', 'start_time', 'watch_url', 'content', 'live_notify_time'];
const NAMES = {title: '标题', start_time: '开播时间', watch_url: '观看地址', content: '简介', live_notify_time: '提前分钟数', live_notify: '开播提醒'};

// changes are the fields that differ from what was loaded. Only they are sent:
// what another page has changed meanwhile stays as it is there.
function changes() {
  const out = {};
  for (const name of TEXTS) {
    if (form[name] && form[name].value !== form[name].defaultValue) out[name] = form[name].value;
  }
  if (form.live_notify.checked !== form.live_notify.defaultChecked) out.live_notify = form.live_notify.checked;
  return out;
}

function everything() {
  const out = {live_notify: form.live_notify.checked};
  for (const name of TEXTS) if (form[name]) out[name] = form[name].value;
  return out;
}

unsaved = () => {
  const typed = changes();
  return Object.keys(typed).length ? typed : null;
};

function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    if (name === 'live_notify') form.live_notify.checked = value;
    else if (form[name]) form[name].value = value;
  }
}

// ---- when it goes out ----

// dueIn says in how many minutes the reminder is due, by the platform's clock;
// null where that can't be said.
function due() {
  const start = form.start_time.value.match(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/);
  const minutes = Number(form.live_notify_time.value);
  if (!start || !(minutes >= 0 && minutes <= 1440)) return null;
  // The platform's clock on the wall, wherever the browser is: as UTC.
  return new Date(Date.UTC(start[1], start[2] - 1, start[3], start[4], start[5]) - minutes * 60000);
}

function wallNow() {
  const ahead = performance.now(); // since the page was loaded
  return new Date(Date.parse(form.dataset.now + 'Z') + ahead);
}

function showDue() {
  $('#when').hidden = !form.live_notify.checked;
  const at = due();
  const over = form.dataset.status !== '0' && form.start_time.value === form.start_time.defaultValue;
  const line = $('#due');
  line.className = 'quiet';
  line.textContent = '';
  if (!at || over) return;
  const off = form.dataset.enabled === '0' ? '（模板消息还没有启用，启用后才会发送）' : '';
  if (at <= wallNow()) {
    line.className = 'notice warn';
    line.textContent = '已到发送时间：保存后一分钟内发送，发出后不能撤回' + off;
    return;
  }
  const two = (n) => String(n).padStart(2, '0');
  line.textContent = `将在 ${at.getUTCMonth() + 1} 月 ${at.getUTCDate()} 日 ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} 开始发送` + off;
}

form.addEventListener('input', () => {
  forgive(form);
  showDue();
});
document.querySelectorAll('[data-minutes]').forEach((b) => b.addEventListener('click', () => {
  form.live_notify_time.value = b.dataset.minutes;
  form.live_notify_time.dispatchEvent(new Event('input', {bubbles: true}));
}));

// ---- saving ----

form.addEventListener('submit', (event) => {
  event.preventDefault();
  forgive(form);
  busy($('button.primary', form), channelID === '0' ? create : update);
});

async function create() {
  try {
    const saved = await confirmed((questions) => api('POST', '/channels', {...everything(), form_key: form.dataset.key, confirmed: questions}));
    if (saved) leave(saved.page, '频道已创建');
  } catch (e) {
    blame(e, form.elements[e.field]);
  }
}

async function update() {
  const changed = changes();
  if (Object.keys(changed).length === 0) return toast('没有修改');
  try {
    const saved = await confirmed((questions) => api('POST', '/channels/' + channelID, {...changed, version: form.dataset.version, confirmed: questions}));
    if (saved) leave(saved.page, saved.stopping ? '已保存，正在停止发送…' : '已保存');
  } catch (e) {
    if (e.code === 'changed_elsewhere') return merge(changed);
    blame(e, form.elements[e.field]);
  }
}

// merge shows what another page has saved meanwhile and keeps what was typed
// here: the owner looks and saves once more.
async function merge(mine) {
  let now;
  try {
    now = await api('GET', '/channels/' + channelID);
  } catch (e) {
    return toast(e.message);
  }
  const theirs = {...now, start_time: now.start_local, live_notify_time: String(now.live_notify_time)};
  const moved = [];
  for (const name of TEXTS) {
    if (!form[name]) continue;
    if (form[name].defaultValue !== theirs[name]) moved.push(NAMES[name]);
    form[name].defaultValue = theirs[name];
    form[name].value = name in mine ? mine[name] : theirs[name];
  }
  if (form.live_notify.defaultChecked !== theirs.live_notify) moved.push(NAMES.live_notify);
  form.live_notify.defaultChecked = theirs.live_notify;
  form.live_notify.checked = 'live_notify' in mine ? mine.live_notify : theirs.live_notify;
  form.dataset.version = now.version;
  form.dataset.status = now.live_notify_status;
  showDue();
  const kept = Object.keys(mine).map((name) => NAMES[name]).join('、');
  $('#conflict').textContent = `这个频道已在别处修改过（${moved.join('、')}），上面是最新内容，本次没有保存。您改的“${kept}”还在，请核对后再保存。`;
  $('#conflict').hidden = false;
}

const typed = restored();
if (typed) {
  fill(typed);
  toast('已恢复登录前填写的内容，还没有保存');
}
showDue();
setInterval(showDue, 20000);
