'use strict';
// What all pages use. Text enters the page as text only, never as HTML.

const $ = (selector, root) => (root || document).querySelector(selector);

// make('p', {className: 'why'}, 'text', child…) makes an element.
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((c) => c !== null));
  return element;
}

// store keeps a text for the next page of this tab; private windows may refuse.
const store = {
  put(key, text) { try { sessionStorage.setItem(key, text); } catch (e) { /* then it is lost */ } },
  take(key) {
    try {
      const text = sessionStorage.getItem(key);
      sessionStorage.removeItem(key);
      return text;
    } catch (e) { return null; }
  },
};

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
    if (answer.code === 'login') logInAgain();
    if (answer.code === 'csrf') reload(); // another tab has logged in since
    throw Object.assign(new Error(answer.message || '出错了，请稍后再试'), {code: answer.code, field: answer.field || ''});
  }
  return answer;
}

// A page that holds what was typed says so here: unsaved() returns it, or null.
// It survives a login (see logInAgain) and is offered to restore once.
let unsaved = () => null;
let leaving = false; // on purpose: nothing is lost

function keepTyped() {
  const typed = unsaved();
  if (typed) store.put('typed:' + location.pathname, JSON.stringify(typed));
}

function logInAgain() {
  keepTyped();
  leave('/login?next=' + encodeURIComponent(location.pathname + location.search));
}

function reload() {
  keepTyped();
  leaving = true;
  location.reload();
}

function restored() {
  const text = store.take('typed:' + location.pathname);
  return text ? JSON.parse(text) : null;
}

function leave(path, said) {
  leaving = true;
  if (said) store.put('said', said);
  location.replace(path); // Back does not lead to a form that was sent
}

window.addEventListener('beforeunload', (event) => {
  if (!leaving && unsaved()) event.preventDefault();
});

let toastTimer;
function toast(text) {
  const box = $('#toast');
  // Whatever is modal lies above the page; so must be what it says.
  ($('dialog[open]') || document.body).append(box);
  box.textContent = text;
  box.classList.add('show');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.classList.remove('show'), 3500);
}

// ask shows a question and waits for the answer.
function ask(text, yes) {
  const box = $('#ask-box');
  $('p', box).textContent = text;
  $('.primary', box).textContent = yes || '确定';
  box.returnValue = '';
  box.showModal();
  return new Promise((done) => box.addEventListener('close', () => done(box.returnValue === 'yes'), {once: true}));
}

// confirmed repeats a request with each question that was answered yes; null if
// one was answered no. The host asks by a code confirm_….
async function confirmed(send) {
  const questions = [];
  for (;;) {
    try {
      return await send(questions);
    } catch (e) {
      const m = /^confirm_(\w+)$/.exec(e.code || '');
      if (!m || questions.includes(m[1])) throw e;
      if (!await ask(e.message)) return null;
      questions.push(m[1]);
    }
  }
}

// blame puts a refusal under the input it is about, or into the toast.
function blame(error, input) {
  if (!input) return toast(error.message);
  const label = input.closest('label') || input.parentNode;
  const why = make('p', {className: 'why', id: 'why-' + (input.id || input.name).replace(/\W/g, '-')}, error.message);
  why.setAttribute('role', 'alert');
  label.after(why);
  input.classList.add('wrong');
  input.setAttribute('aria-invalid', 'true');
  input.dataset.described = input.getAttribute('aria-describedby') || '';
  input.setAttribute('aria-describedby', (input.dataset.described + ' ' + why.id).trim());
  input.focus();
}

function forgive(root) {
  root.querySelectorAll('.wrong').forEach((e) => {
    e.classList.remove('wrong');
    e.removeAttribute('aria-invalid');
    if (e.dataset.described) e.setAttribute('aria-describedby', e.dataset.described);
    else e.removeAttribute('aria-describedby');
  });
  root.querySelectorAll('.why').forEach((e) => e.remove());
}

// busy runs work while a button rests, so that nothing is sent twice. Once the
// page is being left the button stays as it is.
async function busy(button, work) {
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  try {
    return await work();
  } finally {
    if (!leaving) {
      button.disabled = false;
      button.removeAttribute('aria-busy');
    }
  }
}

// poll calls work again and again: ms after it has answered, or after as many ms
// as it returns, until it returns true. After failures it waits longer, up to
// half a minute. A page that nobody looks at asks nothing.
function poll(ms, work) {
  let timer, failures = 0, over = false;
  const turn = async () => {
    let wait = ms;
    if (!document.hidden) {
      try {
        const said = await work();
        if (said === true) over = true;
        if (typeof said === 'number') wait = said;
        failures = 0;
      } catch (e) {
        failures++;
        wait = Math.min(30000, ms * 2 ** failures);
      }
    }
    if (!over) timer = setTimeout(turn, wait);
  };
  timer = setTimeout(turn, ms);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

document.querySelectorAll('[data-close]').forEach((b) => b.addEventListener('click', () => b.closest('dialog').close()));
document.querySelectorAll('[data-copy]').forEach((b) => b.addEventListener('click', async () => {
  const text = document.getElementById(b.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.textContent);
    toast('已复制');
  } catch (e) { // not over HTTPS, or not allowed: mark it instead
    getSelection().selectAllChildren(text);
    toast('请按 Ctrl+C 或长按复制');
  }
}));
const said = store.take('said');
if (said) toast(said);
