'use strict';
// The watch page: the countdown, the subscribe button, and noticing the follow.

const watch = JSON.parse($('#watch').dataset.watch);
const remembered = 'followed:' + watch.id; // this browser's own word for it
const ahead = Date.now() - 1000 * watch.now; // of the server's clock, in ms
const two = (n) => String(n).padStart(2, '0');

function countdown() {
  const left = watch.start_time - Math.floor((Date.now() - ahead) / 1000);
  const box = $('#countdown');
  if (left <= 0) {
    box.replaceChildren(make('b', {}, '已开播'));
    return;
  }
  const days = Math.floor(left / 86400);
  const clock = `${two(Math.floor(left / 3600) % 24)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  box.replaceChildren('距离开播', make('b', {}, (days > 0 ? days + ' 天 ' : '') + clock));
}

function followed() {
  $('#panel').hidden = true;
  $('.bottom').hidden = false;
  const button = $('#subscribe');
  button.textContent = '✓ 已订阅，开播前会提醒您';
  button.className = 'done';
  button.disabled = true;
  stop();
}

let stop = () => {};
let after = 0, next = 0; // moments of the server's clock

// Everybody is shown the same code (one WeChat call for a million viewers),
// so a new follow may be somebody else's: the viewer says whether it was theirs.
function wait() {
  $('#ask').hidden = true;
  $('#waiting').hidden = false;
  stop();
  stop = poll(2000, async () => {
    const answer = await api('GET', `/watch/${watch.id}/follows?after=${after}`);
    if (!answer.new) return false;
    next = answer.now;
    $('#waiting').hidden = true;
    $('#ask').hidden = false;
    $('#ask').scrollIntoView({block: 'end', behavior: 'smooth'});
    return true;
  });
}

async function subscribe() {
  try {
    const code = await api('GET', `/watch/${watch.id}/qrcode`);
    after = code.after;
    $('#panel img').src = code.src;
    $('#panel').hidden = false;
    $('.bottom').hidden = true; // it would cover the code's lower end
    $('#panel').scrollIntoView({block: 'center', behavior: 'smooth'});
    wait();
  } catch (e) {
    toast(e.message);
  }
}

countdown();
setInterval(countdown, 1000);
const button = $('#subscribe');
if (button) {
  button.addEventListener('click', () => busy(button, subscribe));
  $('#yes').addEventListener('click', () => {
    try { localStorage.setItem(remembered, '1'); } catch (e) { /* private mode */ }
    followed();
  });
  $('#no').addEventListener('click', () => {
    after = next; // only follows from then on
    wait();
  });
  let said = false;
  try { said = localStorage.getItem(remembered) === '1'; } catch (e) { /* private mode */ }
  if (watch.followed || said) followed();
}
