package wechatsim

import "time"

// check checks a send in WeChat's order and delivers it if all is well.
func (x *sending) check() (code int, msgid int64) {
	a := x.account
	if code := x.token.check(x.sim.Now()); code != 0 {
		return code, 0
	}
	if x.tmpl == nil {
		if len(x.body) == 0 {
			return 44002, 0
		}
		return 47001, 0
	}
	if code := x.checkBody(); code != 0 {
		return code, 0
	}
	if code := a.quota.send(x.b, x.now); code != 0 {
		return code, 0
	}
	if code := x.checkRecipient(); code != 0 {
		return code, 0
	}
	return x.deliver()
}

// checkBody checks what does not depend on the recipient's state.
func (x *sending) checkBody() int {
	m := &x.tmpl.message
	t := x.account.templates.find(m.TemplateID)
	switch {
	case !x.known:
		return 40003
	case t == nil:
		return 40037
	case t.Code != 0:
		return t.Code
	case x.tmpl.escapes && x.b.RefuseEscapes:
		return 40033
	case len(m.URL) > 1024:
		return 40039
	case m.MiniProgram.AppID != "" && !x.b.bound(m.MiniProgram.AppID):
		return 40013
	}
	return 0
}

// checkRecipient checks who the recipient is. 43117 ends after a while.
func (x *sending) checkRecipient() int {
	code := x.account.followers.code(x.recipient)
	if code == 43117 && x.b.FrequentFor > 0 {
		first := x.tmpl.campaign.entry(x.recipient).first
		if time.Duration(x.ms-first)*time.Millisecond >= x.b.FrequentFor {
			return 0
		}
	}
	return code
}

// deliver recognises repeats, checks the fields, and delivers.
func (x *sending) deliver() (code int, msgid int64) {
	a, c := x.account, x.tmpl.campaign
	at := x.sim.since(x.sim.Now())
	if w := x.b.DuplicateWindow; w > 0 {
		e := a.ledger.everything().entry(x.recipient)
		if e.delivered > 0 && at-e.got < uint32(w.Milliseconds()) {
			return 40241, 0
		}
	}
	if x.tmpl.check(a.templates.find(x.tmpl.message.TemplateID)) != "" {
		return 47003, 0
	}
	window := uint32(x.b.DedupWindow.Milliseconds())
	if c.id == "" {
		window = 0
	}
	n, fresh := c.deliver(x.recipient, at, window, x.tmpl.no)
	id := mix(c.key, uint64(x.recipient), uint64(n), 13)
	if fresh {
		a.delivered(x, msgID(id))
		return 0, msgID(id)
	}
	a.counters.change(func(t *Stats) { t.Repeated++ })
	if x.b.RepeatOtherID {
		id = x.key
	}
	return x.b.RepeatCode, msgID(id)
}

// delivered notes a fresh delivery.
func (a *Account) delivered(x *sending, msgid int64) {
	a.counters.change(func(t *Stats) { t.Delivered++ })
	if x.b.DuplicateWindow > 0 {
		a.ledger.everything().deliver(x.recipient, x.sim.since(x.sim.Now()), 0, 0)
	}
	a.jobFinished(x.tmpl.campaign.id, x.recipient, msgid)
}

// msgID makes a msgid as WeChat's are: 19 digits, beyond 2^53.
func msgID(h uint64) int64 { return 3_000_000_000_000_000_000 + int64(h%1_000_000_000_000_000_000) }

// bound says whether a mini-program is bound to the account.
func (b *Behaviour) bound(appid string) bool {
	for _, id := range b.MiniPrograms {
		if id == appid {
			return true
		}
	}
	return len(b.MiniPrograms) == 0
}
