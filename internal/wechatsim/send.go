package wechatsim

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// sending is one request to message/template/send while it is served. They
// are pooled with their buffers: the simulator shares its cores with the
// daemon under test.
type sending struct {
	sim     *Sim
	account *Account
	token   *token
	now     time.Time
	ms      uint32
	b       *Behaviour

	body, frame, out []byte

	tmpl      *bodyTemplate
	openid    []byte // part of body or of its own
	recipient int
	known     bool // recipient is one of the followers
	placed    bool // it counts as in flight for a hidden limit
	key       uint64
}

func newSendingPool() *sync.Pool {
	return &sync.Pool{New: func() any { return &sending{body: make([]byte, 0, 2048)} }}
}

// serveSend answers POST message/template/send: it meets faults and limits,
// takes effect (or not), takes its time, and answers.
func (s *Sim) serveSend(w http.ResponseWriter, r *http.Request) {
	x := s.sendings.Get().(*sending)
	defer s.sendings.Put(x)
	x.sim, x.now = s, s.Now()
	x.ms = s.since(x.now)
	if code := x.read(r); code != 0 {
		s.stray.Add(1)
		reply{code: code}.write(w, x.now, s.serial.Add(1))
		return
	}
	a := x.account
	end, code := endBroken, 0
	defer func() {
		if x.known {
			x.tmpl.campaign.finish(x.recipient, end)
		}
		a.counters.leave(end, code) // last: who waits for it reads the ledger
	}()
	code, end = x.serve(w, r, &end)
}

// read takes the request in: token, body, whom it is for. The code is not 0
// if the request belongs to no account.
func (x *sending) read(r *http.Request) (code int) {
	x.tmpl, x.known, x.openid = nil, false, nil
	if r.Method != http.MethodPost {
		return 43002
	}
	if x.token, code = x.sim.tokens.check(tokenOf(r), x.now); x.token == nil {
		return code
	}
	x.account = x.token.account
	x.b = x.account.behaviour.Load()
	var err error
	if x.body, err = readBody(x.body[:0], r.Body); err != nil {
		return 47001
	}
	x.tmpl, x.openid, x.frame = x.account.bodyTemplate(x.body, x.frame)
	x.key = x.sim.serial.Add(1)
	if x.tmpl == nil {
		return 0
	}
	if x.openid == nil {
		x.openid = []byte(x.tmpl.message.ToUser)
	}
	c := x.tmpl.campaign
	if x.recipient, x.known = x.account.followers.index(x.openid); !x.known {
		c.requests.Add(1)
		c.strange.Add(1)
		return 0
	}
	x.key = mix(c.key, uint64(x.recipient), uint64(c.arrive(x.recipient, x.ms)))
	return 0
}

// serve does what serveSend says for an account's request.
func (x *sending) serve(w http.ResponseWriter, r *http.Request, end *ending) (code int, _ ending) {
	s, a := x.sim, x.account
	fault, delay := s.Faults.pick(request{path: PathSend, appid: a.appid, openid: x.openid, key: x.key, now: x.now})
	a.counters.arrive(x.now) // now that its fate is known to those who wait
	place, refused := x.enter()
	defer x.leave()
	delay += x.latency(place, refused)
	takes := !refused || unit(mix(x.key, 10)) < x.b.LimitAccepts
	if fault != nil {
		takes = fault.accepts(x.key)
	}
	late := unit(mix(x.key, 11)) < x.b.LateShare
	var msgid int64
	if takes && !late {
		code, msgid = x.check()
	}
	if !s.pause(r.Context(), delay) {
		*end = endGone
		panic(http.ErrAbortHandler)
	}
	if takes && late {
		code, msgid = x.check()
	}
	if fault != nil {
		return x.misbehave(w, r, fault, code, msgid, end)
	}
	if refused {
		code = -1
	}
	if (code == 40001 || code == 42001) && !s.pause(r.Context(), x.b.StaleDelay) {
		*end = endGone
		panic(http.ErrAbortHandler)
	}
	x.answer(w, code, msgid)
	return code, endingOf(code)
}

// misbehave answers as the fault says and tells how that ends.
func (x *sending) misbehave(w http.ResponseWriter, r *http.Request, fault *rule, code int, msgid int64, end *ending) (int, ending) {
	*end = endBroken
	if fault.Action == ActCode {
		*end = endingOf(fault.Code)
	}
	if x.known { // before the caller can know, and try again
		x.tmpl.campaign.finish(x.recipient, *end)
	}
	good := appendSent(nil, msgid)
	if code != 0 {
		good = appendCode(nil, code, "", x.now, x.key)
	}
	x.sim.misbehave(w, r, fault, good, x.now, x.key)
	return fault.Code, *end
}

// latency is how long the request takes.
func (x *sending) latency(place int64, refused bool) time.Duration {
	if refused && x.b.Refusing == RefusesAtOnce {
		return atOnce
	}
	d := x.b.Latency.at(unit(mix(x.key, 12)))
	if slow := int64(x.b.SlowBeyond); slow > 0 && place > slow {
		d = time.Duration(float64(d) * float64(place) / float64(slow))
	}
	return d
}

// answer writes the usual answer.
func (x *sending) answer(w http.ResponseWriter, code int, msgid int64) {
	switch {
	case code == 47003:
		text := ""
		if x.tmpl != nil {
			text = x.tmpl.check(x.account.templates.find(x.tmpl.message.TemplateID))
		}
		x.out = appendCode(x.out[:0], code, text, x.now, x.key)
	case code != 0:
		x.out = appendCode(x.out[:0], code, "", x.now, x.key)
	default:
		if x.b.NoMsgID > 0 && unit(mix(x.key, 14)) < x.b.NoMsgID {
			msgid = 0
		}
		x.out = appendSent(x.out[:0], msgid)
	}
	w.Header()["Content-Type"] = jsonType
	w.Write(x.out)
}

// appendSent appends the answer to an accepted send; msgid 0 is left out.
func appendSent(dst []byte, msgid int64) []byte {
	if msgid == 0 {
		return append(dst, `{"errcode":0,"errmsg":"ok"}`...)
	}
	dst = append(dst, `{"errcode":0,"errmsg":"ok","msgid":`...)
	return append(strconv.AppendInt(dst, msgid, 10), '}')
}
