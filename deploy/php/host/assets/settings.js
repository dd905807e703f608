'use strict';
// The settings of the template message: choose, fill in, preview, test, enable.

const saved = JSON.parse($('#settings').dataset.settings);
const OTHER = ' '; // the choice "paste another"
let templates = [];
let current = null; // the template that is shown, as pushd tells it
let dirty = false;

const chips = [['{{title}}', '直播标题'], ['{{startTime}}', '开播时间'], ['{{minutes}}', '提前分钟数']];

// ---- 1 choose ----

async function start() {
  let trouble = '';
  try {
    templates = (await api('GET', '/templates')).items;
  } catch (e) {
    trouble = e.message;
  }
  if (saved.templateId && !templates.some((t) => t.templateId === saved.templateId)) {
    try {
      templates.push(await api('GET', '/templates/' + encodeURIComponent(saved.templateId)));
    } catch (e) {
      trouble = e.message;
    }
  }
  const likely = templates.find((t) => t.likely) || templates[0];
  const first = templates.find((t) => t.templateId === saved.templateId) || likely;
  offer(first ? first.templateId : OTHER, trouble);
  choose(first ? first.templateId : OTHER);
}

// offer lists the templates, one of them chosen.
function offer(chosen, trouble) {
  $('#templates').replaceChildren(
    ...(trouble ? [make('p', {className: 'notice bad'}, trouble)] : []),
    ...templates.map((t) => choice(t.templateId, t.title || '类目模板', t.fields.map((f) => f.label || f.key).join('、'), t.likely, t.templateId === chosen)),
    choice(OTHER, '粘贴其他模板', '类目模板，或列表里没有的模板', false, chosen === OTHER));
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
  $('#save').textContent = '保存';
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
  const buttons = chips.map(([text, name]) => {
    const b = make('button', {type: 'button', title: '插入' + name}, name);
    b.addEventListener('click', () => {
      input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
      input.focus();
      input.dispatchEvent(new Event('input', {bubbles: true}));
    });
    return b;
  });
  return make('label', {className: 'field'}, make('span', {className: 'top2'}, make('span', {}, f.label || f.key), count),
    input, make('span', {className: 'chips'}, ...buttons));
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
  forgive($('#settings'));
  schedule();
}
$('#texts').addEventListener('input', touched);

// save stores the texts and the choice, and says whether it worked.
async function save() {
  forgive($('#settings'));
  try {
    if (!current.templateId) throw Object.assign(new Error('请填写模板 ID'), {field: 'templateId'});
    const t = await api('POST', templatePath(), draft());
    await api('POST', '/settings', {templateId: t.templateId, enabled: saved.enabled});
    saved.templateId = t.templateId;
    const at = templates.findIndex((x) => x.templateId === t.templateId);
    const now = {...t, likely: at >= 0 && templates[at].likely};
    templates.splice(at >= 0 ? at : templates.length, 1, now);
    offer(now.templateId, '');
    choose(now.templateId); // pushd knows types and limits of what was pasted
    return true;
  } catch (e) {
    blameField(e);
    return false;
  }
}

$('#save').addEventListener('click', () => busy($('#save'), async () => {
  if (await save()) toast('已保存');
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
    p = await api('POST', templatePath('/preview'), {actid: $('#actid').value, ...draft()});
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
  if (!$('#actid')) return toast('请先创建一个频道');
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
      return ['sent', 'failed', 'expired'].includes(state.state);
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
    const now = await api('POST', '/settings', {templateId: saved.templateId, enabled: on});
    saved.enabled = now.enabled;
    toast(on ? '已启用开播提醒' : '已停用，不再发送提醒');
  } catch (e) {
    toast(e.message);
  }
  showEnabled();
}

toggle.addEventListener('change', async () => {
  const on = toggle.checked;
  showEnabled(); // it changes when it is done
  if (!on) return setEnabled(false);
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

window.addEventListener('beforeunload', (event) => {
  if (dirty) event.preventDefault();
});
start();
