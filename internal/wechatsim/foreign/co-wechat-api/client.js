'use strict';

// Does the task on its standard input with co-wechat-api, and prints what it
// understood. The API's address is the only thing that is not the library's.
const WechatAPI = require('co-wechat-api');

async function main() {
  const task = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const api = new WechatAPI(task.appid, task.secret);
  api.prefix = task.url + '/cgi-bin/';
  const out = { followers: [], pages: 0, sent: [], infos: [], tagged: [] };

  out.token = (await api.ensureAccessToken()).accessToken;
  for (let next = ''; ;) {
    const page = await api.getFollowers(next);
    out.pages++;
    out.total = page.total;
    if (!page.data) break;
    out.followers.push(...page.data.openid);
    next = page.next_openid;
  }
  out.templates = (await api.getAllPrivateTemplate()).template_list.map((t) => (
    { id: t.template_id, title: t.title, content: t.content, example: t.example }));
  const data = {};
  for (const key of Object.keys(task.data)) data[key] = { value: task.data[key] };
  for (const to of task.to) {
    try {
      const answer = await api.sendTemplate(to, task.template, task.link, '#173177', data);
      out.sent.push({ to, code: answer.errcode, msgid: String(answer.msgid) });
    } catch (err) {
      if (err.name !== 'WeChatAPIError' || !err.code) throw err;
      out.sent.push({ to, code: Number(err.code), msgid: '' });
    }
  }
  const code = await api.createTmpQRCode(task.scene, task.expire);
  out.qr = { ticket: code.ticket, expire: code.expire_seconds, url: code.url };
  const one = await api.getUser(task.infos[0]);
  const rest = (await api.batchGetUsers(task.infos.slice(1))).user_info_list;
  for (const u of [one, ...rest]) out.infos.push({ openid: u.openid, subscribe: u.subscribe, tags: u.tagid_list });
  out.tags = (await api.getTags()).tags;
  for (let next = ''; ;) {
    const page = await api.getUsersFromTag(task.tag, next);
    if (!page.data) break;
    out.tagged.push(...page.data.openid);
    next = page.next_openid;
  }
  out.cleared = (await api.request(api.prefix + 'clear_quota?access_token=' + out.token, {
    method: 'POST', data: JSON.stringify({ appid: task.appid }), headers: { 'Content-Type': 'application/json' },
  })).errcode === 0;
  process.stdout.write(JSON.stringify(out));
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
