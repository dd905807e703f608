package wechatsim

import (
	"io"
	"net/http"
	"strconv"
	"strings"
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

	letter *letter
	openid []byte // part of body or of its own
	person int
	known  bool // person is somebody
	key    uint64
}

// maxBody is the longest request that is read.
const maxBody = 64 << 10

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
	a.counters.arrive(x.now)
	end, code := endBroken, 0
	defer func() {
		a.counters.leave(end, code)
		if x.known {
			x.letter.campaign.finish(x.person, end)
		}
	}()
	code, end = x.serve(w, r, &end)
}

// read takes the request in: token, body, whom it is for. The code is not 0
// if the request belongs to no account.
func (x *sending) read(r *http.Request) (code int) {
	x.letter, x.known, x.openid = nil, false, nil
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
	x.letter, x.openid, x.frame = x.account.letter(x.body, x.frame)
	x.key = x.sim.serial.Add(1)
	if x.letter == nil {
		return 0
	}
	if x.openid == nil {
		x.openid = []byte(x.letter.message.ToUser)
	}
	c := x.letter.campaign
	if x.person, x.known = x.account.people.index(x.openid); !x.known {
		c.requests.Add(1)
		c.strange.Add(1)
		return 0
	}
	x.key = mix(c.key, uint64(x.person), uint64(c.arrive(x.person, x.ms)))
	return 0
}

// serve does what serveSend says for an account's request.
func (x *sending) serve(w http.ResponseWriter, r *http.Request, end *ending) (code int, _ ending) {
	s, a := x.sim, x.account
	fault, delay := s.Faults.pick(request{path: PathSend, appid: a.appid, openid: x.openid, key: x.key, now: x.now})
	place := a.inFlight.Add(1)
	refused := x.b.InFlightLimit > 0 && place > int64(x.b.InFlightLimit)
	if refused {
		a.inFlight.Add(-1)
	} else {
		defer a.inFlight.Add(-1)
	}
	delay += x.latency(place)
	takes := !refused || unit(mix(x.key, 10)) < x.b.LimitAccepts
	if fault != nil {
		takes = fault.accepts(x.key)
	}
	late := unit(mix(x.key, 11)) < x.b.LateShare
	var msgid int64
	if takes && !late {
		code, msgid = x.decide()
	}
	if !s.pause(r.Context(), delay) {
		*end = endGone
		panic(http.ErrAbortHandler)
	}
	if takes && late {
		code, msgid = x.decide()
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
	good := appendSent(nil, msgid)
	if code != 0 {
		good = appendCode(nil, code, "", x.now, x.key)
	}
	x.sim.misbehave(w, r, fault, good, x.now, x.key)
	if fault.Action == ActCode {
		return fault.Code, endingOf(fault.Code)
	}
	return 0, endBroken
}

// latency is how long the request takes.
func (x *sending) latency(place int64) time.Duration {
	d := x.b.Latency.at(unit(mix(x.key, 12)))
	if slow := int64(x.b.SlowBeyond); slow > 0 && place > slow {
		d = time.Duration(float64(d) * float64(place) / float64(slow))
	}
	return d
}

// decide checks a send in WeChat's order and delivers it if all is well.
func (x *sending) decide() (code int, msgid int64) {
	a, l := x.account, x.letter
	if code := x.token.check(x.sim.Now()); code != 0 {
		return code, 0
	}
	if l == nil {
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
	if code := x.checkPerson(); code != 0 {
		return code, 0
	}
	return x.deliver()
}

// checkBody checks what does not depend on the person's state.
func (x *sending) checkBody() int {
	m := &x.letter.message
	t := x.account.templates.find(m.TemplateID)
	switch {
	case !x.known:
		return 40003
	case t == nil:
		return 40037
	case t.Code != 0:
		return t.Code
	case x.letter.escapes && x.b.RefuseEscapes:
		return 40033
	case len(m.URL) > 1024:
		return 40039
	case m.MiniProgram.AppID != "" && !x.b.bound(m.MiniProgram.AppID):
		return 40013
	}
	return 0
}

// checkPerson checks who the person is. 43117 ends after a while.
func (x *sending) checkPerson() int {
	code := x.account.people.code(x.person)
	if code == 43117 && x.b.FrequentFor > 0 {
		first := x.letter.campaign.entry(x.person).first
		if time.Duration(x.ms-first)*time.Millisecond >= x.b.FrequentFor {
			return 0
		}
	}
	return code
}

// deliver recognises repeats, checks the fields, and delivers.
func (x *sending) deliver() (code int, msgid int64) {
	a, c := x.account, x.letter.campaign
	at := x.sim.since(x.sim.Now())
	if w := x.b.DuplicateWindow; w > 0 {
		e := a.ledger.everything().entry(x.person)
		if e.delivered > 0 && at-e.got < uint32(w.Milliseconds()) {
			return 40241, 0
		}
	}
	if x.letter.check(a.templates.find(x.letter.message.TemplateID)) != "" {
		return 47003, 0
	}
	window := uint32(x.b.DedupWindow.Milliseconds())
	if c.id == "" {
		window = 0
	}
	n, fresh := c.deliver(x.person, at, window, x.letter.no)
	id := mix(c.key, uint64(x.person), uint64(n), 13)
	if fresh {
		a.delivered(x, msgID(id))
		return 0, msgID(id)
	}
	a.counters.change(func(t *Tally) { t.Repeated++ })
	if x.b.RepeatOtherID {
		id = x.key
	}
	return x.b.RepeatCode, msgID(id)
}

// delivered notes a fresh delivery.
func (a *Account) delivered(x *sending, msgid int64) {
	a.counters.change(func(t *Tally) { t.Delivered++ })
	if x.b.DuplicateWindow > 0 {
		a.ledger.everything().deliver(x.person, x.sim.since(x.sim.Now()), 0, 0)
	}
	a.sim.call.sent(a, x.person, msgid)
}

// msgID makes a msgid as WeChat's are: 19 digits, beyond 2^53.
func msgID(h uint64) int64 { return 3_000_000_000_000_000_000 + int64(h%1_000_000_000_000_000_000) }

// answer writes the usual answer.
func (x *sending) answer(w http.ResponseWriter, code int, msgid int64) {
	switch {
	case code == 47003:
		text := ""
		if x.letter != nil {
			text = x.letter.check(x.account.templates.find(x.letter.message.TemplateID))
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

// tokenOf reads access_token out of the query. Tokens need no unescaping; one
// that does is not one.
func tokenOf(r *http.Request) string {
	for q := r.URL.RawQuery; q != ""; {
		var part string
		part, q, _ = strings.Cut(q, "&")
		if value, ok := strings.CutPrefix(part, "access_token="); ok {
			return value
		}
	}
	return ""
}

// readBody appends what r holds to buf; more than maxBody is an error.
func readBody(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		case len(buf) > maxBody:
			return buf, io.ErrShortBuffer
		}
	}
}

// bound says whether a mini-program is bound to the account.
func (b *Behaviour) bound(appid string) bool {
	for _, id := range b.MiniPrograms {
		if id == appid {
			return true
		}
	}
	return len(b.MiniPrograms) == 0
}
