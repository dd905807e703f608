'use strict';
// The state of a channel's reminder, and what an owner can do about it.

const box = $('#reminder');
const dots = {sending: 'busy', stopping: 'busy', due: 'busy', late: 'bad', parked: 'warn', held: 'bad', done: 'good', failed: 'bad', missed: 'bad', blocked: 'bad', disabled: 'bad'};
const settled = ['done', 'failed', 'missed', 'off'];

function showReminder(r) {
  $('.dot', box).className = 'dot ' + (dots[r.state] || '');
  $('.state b', box).textContent = r.text;
  $('#todo').textContent = r.todo;
  $('#todo').hidden = r.todo === '';
  box.dataset.state = r.state;
  for (const b of box.querySelectorAll('[data-do]')) {
    const action = r.actions.find((a) => a.do === b.dataset.do);
    b.hidden = !action;
    if (action) Object.assign(b, {textContent: action.name, action});
  }
  $('.actions', box).hidden = r.actions.length === 0;
  $('.progress', box).hidden = !r.job;
  if (!r.job) return;
  $('progress', box).value = r.job.percent;
  $('.receipts', box).replaceChildren(...r.job.receipts.map((line) => make('li', {}, line)));
  $('.receipts', box).hidden = r.job.receipts.length === 0;
  let text = `发给${r.job.audience}：${r.job.done.toLocaleString()} / ${r.job.total.toLocaleString()} 人`;
  if (r.state === 'sending' && r.job.rate > 0) text += `，每秒 ${r.job.rate} 条`;
  if (r.state === 'sending' && r.job.eta) text += `，预计 ${r.job.eta} 完成`;
  if (r.job.finished) text += `，${r.job.finished} 结束`;
  $('.figures', box).textContent = text;
  for (const dd of box.querySelectorAll('[data-count]')) dd.textContent = r.job[dd.dataset.count].toLocaleString();
}

let stopPoll = () => {};

// follow asks as often as something can change: each second while it is sent,
// otherwise the host says when.
function follow(first) {
  stopPoll();
  // Receipts come in for a while after the last message.
  const over = (r) => settled.includes(r.state) && !(r.job && r.job.fresh);
  if (over(first)) return;
  stopPoll = poll(first.next, async () => {
    const r = await api('GET', `/channels/${box.dataset.id}/reminder`);
    showReminder(r);
    return over(r) || r.next;
  });
}

// present asks what a button would do now: the numbers of its question may be old.
// Where pushd does not answer, what is known must do.
async function present(button) {
  const r = await api('GET', `/channels/${box.dataset.id}/reminder?counted`);
  if (!r.job) return button.action;
  showReminder(r);
  follow(r);
  const action = r.actions.find((a) => a.do === button.dataset.do);
  if (!action) throw new Error('提醒的状态已经变化，请看清最新状态后再操作。');
  return action;
}

async function act(button) {
  let action;
  try {
    action = await busy(button, () => present(button));
  } catch (e) {
    return toast(e.message);
  }
  button.focus(); // to which the question gives it back
  if (!await ask(action.ask, action.name)) return;
  await busy(button, async () => {
    try {
      const r = await api('POST', `/channels/${box.dataset.id}/reminder`, {do: action.do, job: action.job});
      showReminder(r);
      follow(r);
    } catch (e) {
      toast(e.message);
      follow({state: '', next: 500}); // it may stand otherwise than it looked
    }
  });
}

if (box) {
  const first = JSON.parse(box.dataset.reminder);
  for (const b of box.querySelectorAll('[data-do]')) b.addEventListener('click', () => act(b));
  showReminder(first);
  follow(first);
}
