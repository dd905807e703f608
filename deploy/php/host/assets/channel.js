'use strict';
// Creating and editing a channel.

const form = $('#channel');
const channelID = form.dataset.id;
const TEXTS = ['title', 'start_time', 'watch_url', 'content', 'live_notify_time'];
const NAMES = {title: '标题', start_time: '开播时间', watch_url: '观看地址', content: '简介', live_notify_time: '提前分钟数', live_notify: '开播提醒', audience: '提醒对象'};

// changes are the fields that differ from what was loaded. Only they are sent:
// what another page has changed meanwhile stays as it is there.
function changes() {
  const out = {};
  for (const name of TEXTS) {
    if (form[name] && form[name].value !== form[name].defaultValue) out[name] = form[name].value;
  }
  if (form.live_notify.checked !== form.live_notify.defaultChecked) out.live_notify = form.live_notify.checked;
  if (form.audience.value !== form.dataset.audience) out.audience = form.audience.value;
  return out;
}

function everything() {
  const out = {live_notify: form.live_notify.checked, audience: form.audience.value};
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
    else if (name === 'audience') chooseAudience(value);
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

// askPlan asks what the owner's brakes make of the reminder, a moment after the
// last key; what it said of this start and these minutes is shown until then.
let plan = {of: '', text: ''};
let asking;
function askPlan() {
  const query = new URLSearchParams({start_time: form.start_time.value, live_notify_time: form.live_notify_time.value});
  const of = query.toString();
  if (channelID !== '0') query.set('actid', channelID);
  asking = setTimeout(async () => {
    try {
      const answer = await api('GET', '/plan?' + query);
      const news = plan.of !== of || plan.text !== answer.text;
      plan = {...answer, of};
      if (news) showDue();
    } catch (e) { /* then the hour is what it is by itself */ }
  }, 300);
  return plan.of === of && plan.text ? plan : null;
}

function showDue() {
  $('#when').hidden = !form.live_notify.checked;
  const at = due();
  const over = form.dataset.status !== '0' && form.start_time.value === form.start_time.defaultValue;
  const line = $('#due');
  clearTimeout(asking);
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
  const braked = askPlan();
  if (braked) {
    line.className = 'notice ' + (braked.at === 0 ? 'bad' : 'warn');
    line.textContent = braked.text + off;
    return;
  }
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

// ---- whom it goes to ----

const COUNTED_FOR = 300000; // ms that WeChat's counts, of followers and tags, will do
let subscribers = Number(form.dataset.subscribers); // the host's own count: always that of now

function audienceRadio(value) {
  return [...document.querySelectorAll('[name=audience]')].find((r) => r.value === value);
}

function chooseAudience(value) {
  if (!audienceRadio(value)) addAudience({value, name: '标签 ' + value.slice(4)});
  audienceRadio(value).checked = true;
}

function addAudience(a) {
  const count = make('small', {});
  count.dataset.people = a.value;
  $('#audience .choices').append(make('label', {}, make('input', {type: 'radio', name: 'audience', value: a.value}), make('span', {}, a.name, count)));
}

// showAudiences puts the head count beside each choice, and adds the tags.
function showAudiences(items) {
  for (const a of items) {
    if (!audienceRadio(a.value)) addAudience(a);
    const radio = audienceRadio(a.value);
    const text = radio.nextElementSibling;
    text.firstChild.data = a.name;
    const note = a.value === 'subscribers' ? '在观看页订阅，或扫过这场直播的码' : a.value === 'followers' ? '包括没有订阅的人' : '';
    const n = a.value === 'subscribers' ? subscribers : a.people;
    const people = n === null ? '人数暂时未知' : n.toLocaleString() + ' 人';
    $('small', text).textContent = a.available ? people + (note ? ' · ' + note : '') : '平台还没有开通';
    radio.disabled = !a.available && !radio.checked;
    if (!a.available && radio.checked && channelID === '0') audienceRadio('followers').checked = true;
  }
}

let counted = {items: []}; // what is shown

// countAudiences shows WeChat's counts, and of what time they are: those of a
// moment ago, where they are not wanted again.
async function countAudiences(again) {
  const key = 'audiences:' + channelID;
  try {
    const kept = again ? null : JSON.parse(sessionStorage.getItem(key));
    counted = kept && Date.now() < kept.until ? kept : await api('GET', '/audiences' + (channelID === '0' ? '' : '?actid=' + channelID));
    store.put(key, JSON.stringify({until: Date.now() + COUNTED_FOR, ...counted}));
    showAudiences(counted.items);
    $('#counted b').textContent = counted.at;
    $('#counted').hidden = false;
  } catch (e) { // the choice works without the counts
    if (again) toast(e.message);
  }
}

async function countSubscribers() {
  subscribers = (await api('GET', `/channels/${channelID}/subscribers`)).people;
  showAudiences(counted.items);
}

$('#recount').addEventListener('click', (event) => busy(event.target, () => countAudiences(true)));
if (channelID !== '0') {
  poll(15000, countSubscribers);
  document.addEventListener('visibilitychange', () => document.hidden || countSubscribers().catch(() => { /* the poll asks again */ }));
}

// ---- saving ----

form.addEventListener('submit', (event) => {
  event.preventDefault();
  forgive(form);
  busy($('button.primary', form), channelID === '0' ? create : update);
});

async function create() {
  try {
    const saved = await confirmed((questions) => api('POST', '/channels', {...everything(), form_key: form.dataset.key, confirmed: questions}));
    if (saved) leave(saved.page, '直播已创建');
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
  if (form.dataset.audience !== now.audience) moved.push(NAMES.audience);
  form.dataset.audience = now.audience;
  chooseAudience(mine.audience || now.audience);
  form.dataset.version = now.version;
  form.dataset.status = now.live_notify_status;
  showDue();
  const kept = Object.keys(mine).map((name) => NAMES[name]).join('、');
  $('#conflict').textContent = `这场直播已在别处修改过（${moved.join('、')}），上面是最新内容，本次没有保存。您改的“${kept}”还在，请核对后再保存。`;
  $('#conflict').hidden = false;
}

countAudiences();
const typed = restored();
if (typed) {
  fill(typed);
  toast('已恢复登录前填写的内容，还没有保存');
}
showDue();
setInterval(showDue, 20000);
