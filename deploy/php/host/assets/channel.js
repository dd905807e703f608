'use strict';
// Creating and editing a channel, and the state of its reminder.

const form = $('#channel');
const channelID = form.dataset.id;

function showDue() {
  $('#when').hidden = !form.live_notify.checked;
  const start = form.start_time.value.match(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/);
  const minutes = Number(form.live_notify_time.value);
  let text = '';
  const over = form.dataset.status !== '0' && form.start_time.value === form.dataset.start;
  if (start && !over && minutes >= 0 && minutes <= 1440) {
    // The platform's clock on the wall, wherever the browser is: as UTC.
    const due = new Date(Date.UTC(start[1], start[2] - 1, start[3], start[4], start[5]) - minutes * 60000);
    const two = (n) => String(n).padStart(2, '0');
    text = `将在 ${due.getUTCMonth() + 1} 月 ${due.getUTCDate()} 日 ${two(due.getUTCHours())}:${two(due.getUTCMinutes())} 开始发送`;
    if (form.dataset.enabled === '0') text += '（模板消息还没有启用）';
  }
  $('#due').textContent = text;
}

form.addEventListener('input', () => {
  forgive(form);
  showDue();
});
document.querySelectorAll('[data-minutes]').forEach((b) => b.addEventListener('click', () => {
  form.live_notify_time.value = b.dataset.minutes;
  form.live_notify_time.dispatchEvent(new Event('input', {bubbles: true}));
}));

form.addEventListener('submit', (event) => {
  event.preventDefault();
  forgive(form);
  const moved = form.start_time.value !== form.dataset.start;
  if (moved && form.dataset.status >= 2 && form.live_notify.checked
    && !confirm('这场直播已经提醒过。修改开播时间后，会按新的时间再提醒一次全部粉丝。确定修改吗？')) return;
  busy($('button.primary', form), async () => {
    try {
      const saved = await api('POST', '/channels' + (channelID === '0' ? '' : '/' + channelID), {
        title: form.title.value,
        start_time: form.start_time.value,
        watch_url: form.watch_url.value,
        content: form.content.value,
        live_notify: form.live_notify.checked,
        live_notify_time: form.live_notify_time.value,
      });
      location.href = '/channels/' + saved.id;
    } catch (e) {
      blame(e, form.elements[e.field]);
    }
  });
});
showDue();

// ---- the reminder's state ----

const box = $('#reminder');
const dots = {sending: 'busy', due: 'busy', done: 'good', failed: 'bad', missed: 'bad', disabled: 'bad'};

function showReminder(r) {
  $('.dot', box).className = 'dot ' + (dots[r.state] || '');
  $('.state b', box).textContent = r.text;
  box.dataset.state = r.state;
  $('.progress', box).hidden = !r.job;
  if (!r.job) return;
  $('progress', box).value = r.job.percent;
  let text = `${r.job.done.toLocaleString()} / ${r.job.total.toLocaleString()} 人`;
  if (r.state === 'sending' && r.job.rate > 0) text += `，每秒 ${r.job.rate} 条`;
  if (r.state === 'sending' && r.job.eta) text += `，预计 ${r.job.eta} 完成`;
  if (r.job.finished) text += `，${r.job.finished} 结束`;
  $('.figures', box).textContent = text;
  for (const dd of box.querySelectorAll('[data-count]')) dd.textContent = r.job[dd.dataset.count].toLocaleString();
}

if (box) {
  showReminder(JSON.parse(box.dataset.reminder));
  const settled = ['done', 'failed', 'missed', 'off'];
  if (!settled.includes(box.dataset.state)) {
    poll(1000, async () => {
      const r = await api('GET', `/channels/${box.dataset.id}/reminder`);
      showReminder(r);
      return settled.includes(r.state);
    });
  }
}
