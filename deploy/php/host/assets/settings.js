'use strict';
// The settings of the template message: choose, fill in, preview, test, enable.

const saved = JSON.parse($('#settings').dataset.settings);
const OTHER = ' '; // the choice "paste another"
const SLOW = 3000; // ms after which the page says that it waits
let templates = [];
let unread = ''; // why the templates could not be read
let current = null; // the template that is shown, as pushd tells it
let dirty = false;

const chips = [['{{title}}', '直播标题'], ['{{startTime}}', '开播时间'], ['{{minutes}}', '剩余分钟数']];

// ---- 1 choose ----

async function start() {
  unread = '';
  const slow = setTimeout(() => {
    $('#templates').replaceChildren(make('p', {className: 'quiet'}, '正在读取公众号的模板，微信应答较慢，请稍候…'));
  }, SLOW);
  try {
    templates = (await api('GET', '/templates')).items;
    if (saved.templateId && !templates.some((t) => t.templateId === saved.templateId)) {
      templates.push(await api('GET', '/templates/' + encodeURIComponent(saved.templateId)));
    }
  } catch (e) {
    unread = e.message;
  }
  clearTimeout(slow);
  const likely = templates.find((t) => t.likely) || templates[0];
  const kept = templates.find((t) => t.templateId === saved.templateId);
  if (unread && saved.templateId && !kept) return offerUnread();
  const first = kept || likely;
  offer(first ? first.templateId : OTHER, unread);
  choose(first ? first.templateId : OTHER);
  if (!unread) restore(restored());
}

// offerUnread shows the choice that is stored while its details can't be had.
function offerUnread() {
  const retry = make('button', {type: 'button', id: 'retry'}, '重试');
  retry.addEventListener('click', () => busy(retry, start));
  const radio = choice(saved.templateId, '当前使用的模板', '编号 ' + saved.templateId, false, true);
  $('input', radio).disabled = true;
  const why = make('p', {className: 'notice bad'}, '暂时读不到模板的内容：' + unread);
  why.setAttribute('role', 'alert');
  $('#templates').replaceChildren(why, radio, retry);
}

// restore fills in what was typed before a login.
function restore(typed) {
  if (!typed) return;
  const known = templates.some((t) => t.templateId === typed.templateId);
  offer(known ? typed.templateId : OTHER, '');
  choose(known ? typed.templateId : OTHER);
  if (!known) {
    $('[name=templateId]').value = typed.templateId;
    $('[name=content]').value = typed.content || '';
    $('[name=content]').dispatchEvent(new Event('input', {bubbles: true}));
  }
  for (const input of document.querySelectorAll('#fields input')) {
    if (input.name.slice(7) in typed.fields) input.value = typed.fields[input.name.slice(7)];
  }
  $('[name=url]').value = typed.url;
  if (typed.miniprogram) [$('[name=miniappid]').value, $('[name=pagepath]').value] = [typed.miniprogram.appid, typed.miniprogram.pagepath];
  touched();
  toast('已恢复登录前填写的内容，还没有保存');
}

unsaved = () => {
  if (!current) return null;
  return dirty || chosenElse() ? {templateId: current.templateId, ...draft()} : null;
};

// chosenElse: another template is chosen than the one that is in use.
const chosenElse = () => Boolean(current && current.templateId && saved.templateId && current.templateId !== saved.templateId);

function showPending() {
  $('#pending').textContent = chosenElse() ? '选择了另一个模板，保存后才会使用' : dirty ? '有修改还没有保存' : '';
}

// offer lists the templates, one of them chosen.
function offer(chosen, trouble) {
  $('#templates').replaceChildren(
    ...(trouble ? [trouble === unread ? unreadLine() : make('p', {className: 'notice bad'}, trouble)] : []),
    ...templates.map((t) => choice(t.templateId, t.title || '类目模板', t.fields.map((f) => f.label || f.key).join('、'), t.likely, t.templateId === chosen)),
    choice(OTHER, '粘贴其他模板', '类目模板，或列表里没有的模板', false, chosen === OTHER));
}

function unreadLine() {
  const retry = make('button', {type: 'button', id: 'retry'}, '重试');
  retry.addEventListener('click', () => busy(retry, start));
  return make('div', {className: 'notice bad'}, unread + ' ', retry);
}

function choice(value, title, detail, likely, checked) {
  const input = make('input', {type: 'radio', name: 'choice', value, checked});
  input.addEventListener('change', () => choose(value));
  return make('label', {}, input, make('span', {}, title, likely ? make('span', {className: 'badge good', title: '字段最适合开播提醒'}, '推荐') : null,
    make('small', {}, detail)));
}

function choose(value) {
  const t = templates.find((x) => x.templateId === value);
  $('#paste').hidden = Boolean(t && t.listed);
  $('[name=templateId]').value = t ? t.templateId : '';
  $('[name=templateId]').readOnly = Boolean(t);
  $('[name=content]').value = t ? t.content : '';
  show(t || {templateId: '', title: '', content: '', fields: [], url: '{{url}}', saved: false, miniprogram: null});
}

$('#paste').addEventListener('input', () => {
  const content = $('[name=content]').value;
  const old = values();
  const fields = [];
  for (const line of content.split('\n')) {
    for (const m of line.matchAll(/([^\s:：{}]*)\s*[:：]?\s*\{\{\s*(\w+)\.DATA\s*\}\}/g)) {
      if (m[2] === 'first' || m[2] === 'remark' || fields.some((f) => f.key === m[2])) continue;
      fields.push({key: m[2], label: m[1], type: '', limit: 0, text: old[m[2]] || guess(m[2], m[1])});
    }
  }
  show({...current, templateId: $('[name=templateId]').value.trim(), content, fields, listed: false});
  touched();
});

// guess fills a pasted field; pushd has the last word when it is saved.
function guess(key, label) {
  if (/^(time|date)\d/.test(key) || /时间|日期/.test(label)) return '{{startTime}}';
  if (/^thing\d/.test(key) && /备注|提示|说明/.test(label)) return '直播即将开始，请准时观看';
  if (/名称|主题|标题|课程|直播|内容|活动/.test(label)) return '{{title}}';
  return '';
}

// ---- 2 fill in ----

function show(t) {
  current = t;
  dirty = false;
  const known = t.fields.length > 0;
  $('#texts').hidden = $('#preview').hidden = !known;
  $('#fields').replaceChildren(...t.fields.map(fieldRow));
  $('[name=url]').value = t.saved ? t.url : t.url || '{{url}}';
  $('[name=miniappid]').value = t.miniprogram ? t.miniprogram.appid : '';
  $('[name=pagepath]').value = t.miniprogram ? t.miniprogram.pagepath || '' : '';
  showPending();
  schedule();
}

function fieldRow(f) {
  const input = make('input', {name: 'fields.' + f.key, value: f.text, spellcheck: false});
  const count = make('span', {});
  const recount = () => {
    const text = input.value.replace(/\{\{\s*(\w+)\s*\}\}/g, '');
    const fixed = [...text.trim()].length; // what fills the rest is cut if it must be
    count.textContent = f.limit > 0 && fixed > 0 ? `${fixed} / ${f.limit} 字` : '';
  };
  input.addEventListener('input', recount);
  recount();
  const name = f.label || f.key;
  input.id = 'field-' + f.key;
  const buttons = chips.map(([text, what]) => {
    const b = make('button', {type: 'button', title: '插入' + what}, what);
    b.setAttribute('aria-label', `在“${name}”中插入${what}`);
    b.addEventListener('click', () => {
      input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
      input.focus();
      input.dispatchEvent(new Event('input', {bubbles: true}));
    });
    return b;
  });
  return make('div', {className: 'field'}, make('div', {className: 'top2'}, make('label', {htmlFor: input.id}, name), count),
    input, make('div', {className: 'chips'}, ...buttons));
}

function values() {
  const out = {};
  for (const input of document.querySelectorAll('#fields input')) out[input.name.slice(7)] = input.value;
  return out;
}

function draft() {
  const body = {fields: values(), url: $('[name=url]').value.trim()};
  if (!current.listed) body.content = $('[name=content]').value;
  const mini = {appid: $('[name=miniappid]').value.trim(), pagepath: $('[name=pagepath]').value.trim()};
  if (mini.appid || mini.pagepath) body.miniprogram = mini;
  return body;
}

const templatePath = (verb) => '/templates/' + encodeURIComponent(current.templateId) + (verb || '');

function blameField(e) {
  const names = {content: 'content', 'miniprogram.appid': 'miniappid', 'miniprogram.pagepath': 'pagepath'};
  blame(e, document.getElementsByName(names[e.field] || e.field)[0]);
}

function touched() {
  dirty = true;
  showPending();
  forgive($('#settings'));
  schedule();
}
$('#texts').addEventListener('input', touched);

// save stores the texts and the choice, and says whether it worked. It never
// switches anything on or off.
async function save() {
  forgive($('#settings'));
  try {
    if (!current.templateId) throw Object.assign(new Error('请填写模板 ID'), {field: 'templateId'});
    const t = await api('POST', templatePath(), current.version ? {...draft(), version: current.version} : draft());
    took(t);
    Object.assign(saved, await api('POST', '/settings', {templateId: t.templateId, version: saved.version}));
    showEnabled();
    showPending();
    return true;
  } catch (e) {
    if (e.code === 'changed_elsewhere') await merge();
    else blameField(e);
    return false;
  }
}

// took shows what was saved: pushd knows types and limits of what was pasted.
function took(t) {
  const at = templates.findIndex((x) => x.templateId === t.templateId);
  const now = {...t, likely: at >= 0 && templates[at].likely};
  templates.splice(at >= 0 ? at : templates.length, 1, now);
  offer(now.templateId, '');
  choose(now.templateId);
}

// merge takes over what another page has saved meanwhile, keeps what was typed
// here, and lets the owner look before saving once more.
async function merge() {
  const mine = values();
  let now;
  try {
    Object.assign(saved, await api('GET', '/settings'));
    now = await api('GET', templatePath());
  } catch (e) {
    return toast(e.message);
  }
  showEnabled();
  const moved = [];
  for (const f of now.fields) {
    const base = current.fields.find((x) => x.key === f.key);
    if (!base || base.text === f.text) continue;
    moved.push(`${f.label || f.key}：${f.text}`);
    const input = document.getElementById('field-' + f.key);
    if (input && mine[f.key] === base.text) input.value = f.text;
    base.text = f.text;
  }
  current.version = now.version;
  touched();
  $('#conflict').textContent = `设置已在别处修改过（现在${saved.enabled ? '已启用' : '未启用'}${moved.length ? '；' + moved.join('；') : ''}），本次没有保存。您改的内容还在，请核对后再保存。`;
  $('#conflict').hidden = false;
}

$('#save').addEventListener('click', () => busy($('#save'), async () => {
  if (!await save()) return;
  $('#conflict').hidden = true;
  toast('已保存');
}));

// ---- 3 preview ----

let timer, turn = 0;
function schedule() {
  clearTimeout(timer);
  timer = setTimeout(preview, 350);
}

async function preview() {
  const mine = ++turn;
  if (!$('#actid') || !current || !current.templateId || current.fields.length === 0) return;
  $('#mtitle').textContent = current.title || '消息预览';
  let p;
  try {
    p = await api('POST', templatePath('/preview'), {actid: $('#actid').value, ...draft(), content: current.content || $('[name=content]').value});
  } catch (e) {
    if (mine === turn) $('#warnings').replaceChildren(make('p', {className: 'notice bad'}, label(e.field) + e.message));
    return;
  }
  if (mine !== turn) return; // somebody typed on
  $('#lines').replaceChildren(...p.lines.map((l) => make('div', {}, make('dt', {}, l.label || l.key), make('dd', {}, l.value))));
  $('#more').hidden = p.url === '' && !draft().miniprogram;
  $('#warnings').replaceChildren(...p.warnings.map((w) => make('p', {className: 'notice warn'}, label(w.field) + w.message)));
}

function label(field) {
  const f = current.fields.find((x) => x.key === field.replace(/^fields\./, ''));
  return f ? `“${f.label || f.key}”：` : '';
}

if ($('#actid')) $('#actid').addEventListener('change', schedule);

// ---- test ----

let stopTest = () => {};
$('#test').addEventListener('click', () => busy($('#test'), async () => {
  if (!$('#actid')) return toast('请先新建一场直播');
  if (!await save()) return;
  const box = $('#testbox');
  try {
    const test = await api('POST', templatePath('/test'), {actid: $('#actid').value});
    $('img', box).src = test.src;
    showTest({state: 'waiting', message: '请用微信扫码'});
    box.showModal();
    stopTest();
    stopTest = poll(1000, async () => {
      const state = await api('GET', '/tests/' + test.nonce);
      showTest(state);
      return ['sent', 'failed', 'expired', 'unknown'].includes(state.state);
    });
  } catch (e) {
    toast(e.message);
  }
}));
$('#testbox').addEventListener('close', () => stopTest());

function showTest(state) {
  const box = $('#testbox');
  box.dataset.state = state.state;
  $('.dot', box).className = 'dot ' + ({waiting: 'busy', sending: 'busy', sent: 'good'}[state.state] || 'bad');
  $('.state b', box).textContent = state.message;
}

// ---- enable ----

const toggle = $('#enabled');

function showEnabled() {
  toggle.checked = saved.enabled;
  $('b', toggle.parentNode).textContent = saved.enabled ? '已启用' : '未启用';
}

async function setEnabled(on) {
  try {
    const now = await api('POST', '/settings', on ? {templateId: saved.templateId, enabled: true, version: saved.version} : {enabled: false});
    Object.assign(saved, now);
    toast(on ? '已启用开播提醒' : now.stopped > 0 ? `已停用，正在停止 ${now.stopped} 个正在发送的提醒…` : '已停用，不再发送提醒');
  } catch (e) {
    if (e.code === 'changed_elsewhere') await merge();
    else toast(e.message);
  }
  showEnabled();
}

toggle.addEventListener('change', async () => {
  const on = toggle.checked;
  showEnabled(); // it changes when it is done
  if (!on) return setEnabled(false);
  if (unread && !current) return toast('暂时读不到模板，不能启用，请稍后再试');
  if (!current || current.fields.length === 0) return toast('请先选择模板并填写内容');
  if (!await save()) return;
  if (!$('#actid')) return setEnabled(true); // nothing to estimate from yet
  toggle.disabled = true;
  try {
    const e = await api('POST', '/estimate', {templateId: saved.templateId, actid: $('#actid').value});
    const facts = {
      people: e.people === null ? '未知' : e.people.toLocaleString() + ' 人',
      duration: e.duration || '未知',
      quota: e.quota === null ? '未知' : e.quota.toLocaleString() + ' 条',
    };
    for (const dd of document.querySelectorAll('[data-fact]')) dd.textContent = facts[dd.dataset.fact];
    $('#problems').replaceChildren(...e.problems.map((p) => make('p', {className: 'notice warn'}, p.message)));
    $('#enablebox').showModal();
  } catch (e) {
    toast(e.message);
  } finally {
    toggle.disabled = false;
  }
});

$('#confirm').addEventListener('click', () => busy($('#confirm'), async () => {
  await setEnabled(true);
  $('#enablebox').close();
}));

// ---- brakes ----

const brakes = $('#brakes');
brakes.addEventListener('input', () => forgive(brakes));
brakes.addEventListener('submit', (event) => {
  event.preventDefault();
  busy($('button', brakes), async () => {
    try {
      const {moved} = await api('POST', '/brakes', Object.fromEntries(new FormData(brakes)));
      toast(moved > 0 ? `已保存。有 ${moved} 场的提醒会推迟或不发送，请看直播列表` : '已保存');
    } catch (e) {
      blame(e, brakes.elements[e.field]);
    }
  });
});

// ---- the callback's token ----

function showCallback(c) {
  $('#callback-url').textContent = c.url;
  $('#callback-token').textContent = c.token;
  $('#contact').textContent = c.text;
  const badge = $('#callback .badge');
  [badge.className, badge.textContent] = ['badge ' + c.badge[0], c.badge[1]];
  $('#renewed').hidden = c.state !== 'never';
}

$('#renew').addEventListener('click', async () => {
  if (!await ask($('#renew').dataset.ask, '更换令牌')) return;
  await busy($('#renew'), async () => {
    try {
      showCallback(await api('POST', '/callback/renew', {}));
    } catch (e) {
      return toast(e.message);
    }
    toast('令牌已更换，请马上填到公众平台');
    poll(3000, async () => { // until WeChat comes by the new address
      const c = (await api('GET', '/settings')).callback;
      showCallback(c);
      return c.state !== 'never';
    });
  });
});

start();
