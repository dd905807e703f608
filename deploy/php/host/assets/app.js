'use strict';
// What all pages use. Text enters the page as text only, never as HTML.

const $ = (selector, root) => (root || document).querySelector(selector);

// make('p', {className: 'why'}, 'text', child…) makes an element.
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((c) => c !== null));
  return element;
}

// api calls an interface of the host. A refusal is thrown as an Error with
// code and field.
async function api(method, path, body) {
  let response, answer;
  try {
    response = await fetch('/api' + path, {
      method,
      headers: body === undefined ? {} : {'Content-Type': 'application/json', 'X-CSRF-Token': $('meta[name=csrf]').content},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    answer = await response.json();
  } catch (e) {
    throw Object.assign(new Error('网络不通，请稍后再试'), {code: 'network', field: ''});
  }
  if (!response.ok) {
    if (answer.code === 'login') location.href = '/login';
    throw Object.assign(new Error(answer.message || '出错了，请稍后再试'), {code: answer.code, field: answer.field || ''});
  }
  return answer;
}

let toastTimer;
function toast(text) {
  $('#toast').textContent = text;
  $('#toast').classList.add('show');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('#toast').classList.remove('show'), 3500);
}

// blame puts a refusal under the input it is about, or into the toast.
function blame(error, input) {
  if (!input) return toast(error.message);
  input.classList.add('wrong');
  (input.closest('label') || input.parentNode).append(make('p', {className: 'why'}, error.message));
  input.focus();
}

function forgive(root) {
  root.querySelectorAll('.wrong').forEach((e) => e.classList.remove('wrong'));
  root.querySelectorAll('.why').forEach((e) => e.remove());
}

// busy runs work while a button rests, so that nobody sends a thing twice.
async function busy(button, work) {
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
  }
}

// poll calls work every so many ms until it returns true or the page goes.
function poll(ms, work) {
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      if (await work()) clearInterval(timer);
    } catch (e) { /* the next time may go better */ }
  }, ms);
  return () => clearInterval(timer);
}

document.querySelectorAll('[data-close]').forEach((b) => b.addEventListener('click', () => b.closest('dialog').close()));
