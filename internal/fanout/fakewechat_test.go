package fanout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"pushd"
)

// fakeWeChat is WeChat in the simulation, with a ledger of its own of who was
// asked for and who was told, by which the tests judge.
type fakeWeChat struct {
	w          *sim
	mu         sync.Mutex
	valid      pushd.Token               // the one good token; others are refused
	older      pushd.Token               // the one before, while WeChat still takes it
	used       map[pushd.Token]time.Time // when each was last used
	last       time.Time                 // when the last send arrived
	foreign    pushd.Token               // another account's: it is good, but knows nobody here
	followers  []pushd.OpenID
	gone       map[pushd.OpenID]bool
	people     map[recipient]*fakePerson
	codes      map[pushd.OpenID]fakePerson // how people of some codes begin
	latest     map[pushd.OpenID][]message  // what each got lately, pushd's and others'
	pageSize   int
	cut, until time.Time     // nothing reaches it in between
	outage     time.Time     // nothing good before
	refusing   time.Time     // everybody is refused before
	refused    pushd.Answer  // with this
	waits      time.Duration // for a connection, of each send
	quota      int           // sends left today; -1 = no end
	minute     int           // sends left this minute
	minuteOf   time.Time
	lies       int                   // odd pages to come
	empty      bool                  // one of them said that nobody follows; a second time it is believed
	carries    map[pushd.OpenID]bool // the tag
	carried    map[pushd.OpenID]bool // at some time
	dropped    map[pushd.OpenID]bool // did not carry it at some time
	hidden     map[pushd.OpenID]bool // followers behind the place where a list broke off
	churned    bool                  // somebody has left, or followed
}

// message is one that a follower got.
type message struct {
	template pushd.TemplateID
	content  string
	msg      pushd.MsgID // "" of others
	at       time.Time
	took     time.Duration // to arrive
	stranger bool          // not pushd's
}

// fakePerson is one follower as WeChat knows them, for one message.
type fakePerson struct {
	code      int // what every send to them is answered with; 0 = they receive
	puts      int // how often they are put off with code before they receive
	requests  int
	asked     time.Time     // when they were sent to first
	told      []time.Time   // when a message was delivered to them
	putAt     time.Time     // when they were last put off
	early     time.Duration // by how much they were asked again too soon
	unknown   bool          // somebody got an ambiguous answer about them
	heard     bool          // a process has heard that the message was accepted
	answers   map[int]bool  // the codes that were answered about them
	aliens    int           // how often a message that is not pushd's made them a duplicate
	again     int           // deliveries beyond the first, of those in doubt
	excused   bool          // the last answer allows to ask again
	unexcused int           // requests beyond the first that no answer allowed
}

func newFakeWeChat(w *sim, d *rand.Rand) *fakeWeChat {
	return &fakeWeChat{
		w: w, gone: map[pushd.OpenID]bool{}, people: map[recipient]*fakePerson{}, codes: map[pushd.OpenID]fakePerson{},
		used: map[pushd.Token]time.Time{}, latest: map[pushd.OpenID][]message{}, hidden: map[pushd.OpenID]bool{},
		carries: map[pushd.OpenID]bool{}, carried: map[pushd.OpenID]bool{}, dropped: map[pushd.OpenID]bool{},
		pageSize: 5 + d.IntN(60), quota: -1, lies: 1 + d.IntN(3), foreign: "token-of-another-account",
	}
}

// dedupSpan is how long WeChat at least tells a repeated client_msg_id from a new one.
const dedupSpan = 10 * time.Minute

// phone is WeChat as one process reaches it.
type phone struct {
	*fakeWeChat
	p *process
}

// recipient is one message to one person: what a client_msg_id guards.
type recipient struct {
	msg pushd.MsgID
	to  pushd.OpenID
}

func (f *fakeWeChat) person(r recipient) *fakePerson {
	p := f.people[r]
	if p == nil {
		first := f.codes[r.to]
		p = &first
		p.answers = map[int]bool{}
		f.people[r] = p
	}
	return p
}

// Send is one send over the wire: there, at WeChat, and back.
func (c phone) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	a := c.send(ctx, tok, letter, to)
	if !c.p.crashed() {
		heard := a.Verdict == pushd.Sent && c.p.mayRecord(letterID(letter))
		c.mu.Lock()
		defer c.mu.Unlock()
		p := c.person(recipient{letterID(letter), to})
		p.heard = p.heard || heard
		p.answers[a.Code] = true
	}
	return a
}

func (c phone) send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	w := c.p.w
	who := recipient{letterID(letter), to}
	lost := pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken, Ambiguous: true, Text: "connection reset"}
	if c.p.crashed() {
		return lost
	}
	w.judgeStart(c.p, who)
	began := time.Now()
	d := w.dice("send", string(to))
	way := time.Duration(20+d.IntN(80)) * time.Millisecond
	if w.has(slowWeChat) && d.IntN(30) == 0 {
		way = time.Duration(d.IntN(4000)) * time.Millisecond
	}
	if err := c.p.travel(ctx, c.waits+way); err != nil {
		if d.IntN(2) == 0 { // the request was out already
			c.arrive(tok, letter, to, d, began, true)
		} else {
			c.mu.Lock()
			c.person(who).excused = !c.p.crashed()
			c.mu.Unlock()
		}
		return lost
	}
	if w.has(busyWeChat) && d.IntN(25) == 0 || c.offline() { // not one byte was written
		return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotSent, Text: "connection refused"}
	}
	if w.has(timeouts) && d.IntN(25) == 0 {
		if d.IntN(2) == 0 {
			c.arrive(tok, letter, to, d, began, true)
		} else {
			c.excuse(who)
			c.doubt(who)
		}
		_ = c.p.travel(ctx, 10*time.Second)
		return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeTimeout, Ambiguous: true, Text: "no answer in 10 s"}
	}
	a := c.arrive(tok, letter, to, d, began, false)
	if err := c.p.travel(ctx, way); err != nil {
		if !c.p.crashed() {
			c.excuse(who)
		}
		return lost
	}
	if c.p.crashed() {
		return lost
	}
	if a.Verdict != pushd.Sent {
		c.excuse(who)
	}
	a.Waited = c.waits
	return a
}

// offline says whether the line to WeChat is cut.
func (f *fakeWeChat) offline() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	return now.After(f.cut) && now.Before(f.until)
}

// excuse notes that the last answer allows to ask for a person again.
func (c phone) excuse(who recipient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.person(who).excused = true
}

// doubt notes that somebody got an ambiguous answer about a person.
func (c phone) doubt(who recipient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.person(who).unknown = true
}

// letterID reads the client_msg_id out of the letter.
func letterID(l *pushd.Letter) pushd.MsgID {
	_, rest, _ := bytes.Cut(l.Tail, []byte(`"client_msg_id":"`))
	return pushd.MsgID(rest[:20])
}

// readLetter is what WeChat makes of a letter.
func readLetter(l *pushd.Letter, now time.Time) message {
	var m struct {
		Template pushd.TemplateID `json:"template_id"`
		MsgID    pushd.MsgID      `json:"client_msg_id"`
		Data     json.RawMessage  `json:"data"`
	}
	if err := json.Unmarshal(append([]byte(`{"touser":"`), l.Tail...), &m); err != nil {
		panic(err)
	}
	return message{template: m.Template, content: string(m.Data), msg: m.MsgID, at: now}
}

// arrive is the moment at which WeChat takes a request that was begun at began.
// unheard says that nobody will hear the answer.
func (c phone) arrive(tok pushd.Token, letter *pushd.Letter, to pushd.OpenID, d *rand.Rand, began time.Time, unheard bool) pushd.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := readLetter(letter, time.Now())
	m.took = m.at.Sub(began)
	c.used[tok], c.last = m.at, m.at
	p := c.person(recipient{m.msg, to})
	p.requests++
	if p.requests == 1 {
		p.asked = m.at
	}
	if p.requests > 1 && !p.excused {
		p.unexcused++
	}
	p.excused = unheard && !c.p.crashed()
	p.unknown = p.unknown || unheard
	a := c.decide(p, tok, m, to, d)
	if a.Verdict == pushd.Busy && a.Ambiguous {
		p.unknown = true
	}
	c.w.trace("  send %s %s → %v %d (told %d)", c.p.owner.Boot, to, a.Verdict, a.Code, len(p.told))
	return a
}

var systemBusy = pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true, Text: "system busy"}

// decide answers a request. What the knobs say that nobody knows is drawn.
func (c phone) decide(p *fakePerson, tok pushd.Token, m message, to pushd.OpenID, d *rand.Rand) pushd.Answer {
	busy := m.at.Before(c.outage) || c.w.has(busyWeChat) && d.IntN(20) == 0 || p.code == -1
	accepts := d.Float64() < []float64{0.25, 0, 0.5, 1}[c.w.knobs[busyAccepts]]
	if busy && !accepts && c.knows(tok) {
		return systemBusy
	}
	a := c.checks(p, tok, m, to, d)
	if a.Verdict == pushd.Sent {
		a = c.accept(p, m, to)
	}
	if busy && c.knows(tok) {
		return systemBusy
	}
	return a
}

// knows says whether WeChat takes a token.
func (f *fakeWeChat) knows(tok pushd.Token) bool {
	return tok != "" && (tok == f.valid || tok == f.older || tok == f.foreign)
}

// checks looks at all that may be against a message, in the order that was
// drawn: each is named by its letter.
func (c phone) checks(p *fakePerson, tok pushd.Token, m message, to pushd.OpenID, d *rand.Rand) pushd.Answer {
	refuse := func(v pushd.Verdict, code int) pushd.Answer {
		return pushd.Answer{Verdict: v, Code: code, Cause: causes[code], Text: "as scripted"}
	}
	if minute := m.at.Truncate(time.Minute); minute != c.minuteOf {
		c.minuteOf, c.minute = minute, 40
	}
	foreign := tok == c.foreign && tok != ""
	theirs := to[0] == 'x'
	for _, check := range []string{"kotpq", "ktopq", "okqpt", "tkqop", "kqtop"}[c.w.knobs[checkOrder]] {
		switch {
		case check == 'k' && !c.knows(tok):
			return refuse(pushd.TokenRefused, 40001)
		case check == 'o' && c.knows(tok) && foreign != theirs:
			return refuse(pushd.Skip, 40003)
		case check == 'o' && c.gone[to], check == 'o' && p.code == 43004:
			return refuse(pushd.Skip, 43004)
		case check == 't' && foreign:
			return refuse(pushd.FatalIfRepeated, 40037)
		case check == 'q' && c.quota == 0:
			return refuse(pushd.Quota, 45009)
		case check == 'q' && c.w.has(minuteLimit) && c.minute == 0:
			return refuse(pushd.Slower, 45011)
		case check == 'p' && p.code == 40241 && p.puts > 0:
			p.putOff(m.at, time.Minute)
			p.aliens++
			return refuse(pushd.DeferShort, 40241)
		case check == 'p' && p.code == 43117 && p.puts > 0:
			p.putOff(m.at, 30*time.Minute)
			return refuse(pushd.DeferLong, 43117)
		case check == 'p' && (p.code == 43101 || p.code == 40003):
			return refuse(pushd.Skip, p.code)
		case check == 'p' && p.code == 48003:
			return refuse(pushd.Other, 48003)
		}
	}
	switch {
	case m.at.Before(c.refusing):
		c.w.outside.note(func(f *outside) { f.refused[pushd.WeChatRefused], f.refused[pushd.TooManyFailures] = true, true })
		return c.refused
	case c.w.has(unknownCodes) && d.IntN(40) == 0:
		return refuse(pushd.Other, 50099)
	}
	return pushd.Answer{}
}

// accept takes a message against which there is nothing, unless it is a
// repetition, or seems to be one of another.
func (c phone) accept(p *fakePerson, m message, to pushd.OpenID) pushd.Answer {
	k := c.w.knobs
	duplicate := c.duplicate(p, m, to)
	n := len(p.told)
	repeats := n > 0 && m.at.Sub(p.told[n-1]) < []time.Duration{dedupSpan, 3 * dedupSpan}[k[longMemory]]
	if duplicate && (k[filterFirst] == 1 || !repeats) {
		p.putOff(m.at, time.Minute)
		if k[ownLast] == 1 {
			c.latest[to] = append(c.latest[to], m)
		}
		return pushd.Answer{Verdict: pushd.DeferShort, Code: 40241, Text: "duplicate"}
	}
	if repeats {
		return []pushd.Answer{{}, {Verdict: pushd.Other, Code: 45065, Text: "id exists"}, {Verdict: pushd.DeferShort, Code: 40241, Text: "duplicate"}}[k[repeatAnswer]]
	}
	c.minute--
	if c.quota > 0 {
		c.quota--
	}
	r := recipient{m.msg, to}
	if n > 0 {
		c.w.judgeAgain(c.p, p, r, m.took)
	}
	p.told, p.heard = append(p.told, m.at), false
	c.latest[to] = append(c.latest[to], m)
	return pushd.Answer{}
}

// duplicate says whether the recipient got a message within the last minute that
// WeChat can't tell from this one.
func (c phone) duplicate(p *fakePerson, m message, to pushd.OpenID) bool {
	found, alien := false, true
	for _, o := range c.latest[to] {
		same := false
		switch c.w.knobs[filterKey] {
		case 1:
			same = o.template == m.template
		case 2:
			same = true
		case 3:
			same = o.content == m.content
		}
		if same && m.at.Sub(o.at) < time.Minute {
			found, alien = true, alien && o.stranger
		}
	}
	if found && alien {
		p.aliens++
	}
	return found
}

// putOff asks for a person to be left alone for some time.
func (p *fakePerson) putOff(now time.Time, wait time.Duration) {
	if !p.putAt.IsZero() && now.Sub(p.putAt) < wait {
		p.early = wait - now.Sub(p.putAt)
	}
	p.puts, p.putAt = p.puts-1, now
}

// Page lists followers.
func (c phone) Page(ctx context.Context, tok pushd.Token, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	return c.page(ctx, tok, cursor, false)
}

// Tagged lists the followers who carry the world's tag, and says nothing of how
// many there are. Another account has a tag of the same number, or none.
func (c phone) Tagged(ctx context.Context, tok pushd.Token, tag int64, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	page, a := c.page(ctx, tok, cursor, true)
	d := c.p.w.dice("tag", string(cursor))
	if id, _ := c.p.w.audience.Tag(); a.OK() && (id != tag || tok == c.foreign && c.p.w.seed%2 == 0 || c.p.w.has(oddPages) && d.IntN(8) == 0) {
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 45159, Cause: pushd.CauseAudience, Text: "invalid tag id"}
	}
	page.Total, page.Uncounted = 0, true
	return page, a
}

// Knows says of whom a token's account knows.
func (c phone) Knows(ctx context.Context, tok pushd.Token, id pushd.OpenID) (bool, pushd.Answer) {
	d := c.p.w.dice("knows", string(id))
	if err := c.p.travel(ctx, time.Duration(50+d.IntN(200))*time.Millisecond); err != nil {
		return false, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case tok != c.valid && (tok == "" || tok != c.foreign):
		return false, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001}
	case time.Now().Before(c.outage), c.p.w.has(busyWeChat) && d.IntN(8) == 0:
		return false, pushd.Answer{Verdict: pushd.Busy, Code: -1}
	}
	return (tok == c.foreign) == (id[0] == 'x') && !strings.HasPrefix(string(id), migrated), pushd.Answer{}
}

// Tags lists the world's tag, where WeChat says how many carry it.
func (c phone) Tags(ctx context.Context, tok pushd.Token) ([]pushd.Tag, pushd.Answer) {
	w, d := c.p.w, c.p.w.dice("tags")
	if c.p.travel(ctx, 50*time.Millisecond) != nil {
		return nil, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id, tagged := w.audience.Tag()
	switch {
	case tok != c.valid:
		return nil, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001}
	case w.has(quotas) && d.IntN(4) == 0:
		return nil, pushd.Answer{Verdict: pushd.Quota, Code: 45009}
	case !tagged || w.knobs[reminded] == remindUncounted:
		return nil, pushd.Answer{}
	}
	count := int64(len(c.listed(true)))
	if w.has(oddPages) && d.IntN(4) == 0 {
		count += int64(d.IntN(100) - 50)
	}
	return []pushd.Tag{{ID: id, Name: "vip", Count: max(0, count)}}, pushd.Answer{}
}

// page is one answer of either list. Their cursors are followers, whether they
// carry the tag or not.
func (c phone) page(ctx context.Context, tok pushd.Token, cursor pushd.OpenID, tagged bool) (pushd.FollowerPage, pushd.Answer) {
	d := c.p.w.dice("page", string(cursor))
	if err := c.p.travel(ctx, time.Duration(50+d.IntN(200))*time.Millisecond); err != nil {
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.p.w
	switch {
	case tok == c.foreign && tok != "" && cursor == "":
		return pushd.FollowerPage{Total: 3, OpenIDs: []pushd.OpenID{"xa", "xb", "xc"}, Next: "xc"}, pushd.Answer{}
	case tok == c.foreign && tok != "" && cursor == "xc":
		return pushd.FollowerPage{Total: 3}, pushd.Answer{}
	case tok == c.foreign && tok != "":
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 40003, Cause: pushd.CauseCursor}
	case tok != c.valid:
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001}
	case time.Now().Before(c.outage), w.has(busyWeChat) && d.IntN(8) == 0:
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Busy, Code: -1}
	case w.has(quotas) && d.IntN(12) == 0:
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Quota, Code: 45009}
	}
	if w.has(churn) {
		c.churn(d)
	}
	at := 0
	if cursor != "" {
		i := slices.Index(c.followers, cursor)
		if i < 0 {
			return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 40003, Cause: pushd.CauseCursor}
		}
		at = len(c.carriers(c.followers[:i+1], tagged))
	}
	list := c.listed(tagged)
	if w.has(oddPages) && c.lies > 0 && d.IntN(4) == 0 {
		c.lies--
		return c.odd(list, at, d), pushd.Answer{}
	}
	return c.cut(list, at), pushd.Answer{}
}

// listed are those on a list now.
func (f *fakeWeChat) listed(tagged bool) []pushd.OpenID { return f.carriers(f.followers, tagged) }

// carriers are those of some who are on the list.
func (f *fakeWeChat) carriers(some []pushd.OpenID, tagged bool) []pushd.OpenID {
	if !tagged {
		return some
	}
	return slices.DeleteFunc(slices.Clone(some), func(id pushd.OpenID) bool { return !f.carries[id] })
}

// cut is the page of a list from at on.
func (c phone) cut(list []pushd.OpenID, at int) pushd.FollowerPage {
	ids := slices.Clone(list[at:min(len(list), at+c.pageSize)])
	page := pushd.FollowerPage{Total: int64(len(list)), OpenIDs: ids}
	if len(ids) > 0 {
		page.Next = ids[len(ids)-1]
	}
	return page
}

// odd is a page as WeChat gives it now and then.
func (c phone) odd(list []pushd.OpenID, at int, d *rand.Rand) pushd.FollowerPage {
	c.w.trace("  an odd page from %d", at)
	page := c.cut(list, at)
	kind := d.IntN(6)
	if kind == 1 && c.empty {
		kind = 0
	}
	switch kind {
	case 0: // the list breaks off
		page.OpenIDs, page.Next = nil, ""
		c.hide(list, at)
	case 1: // and nobody is left
		page.OpenIDs, page.Next, page.Total = nil, "", 0
		c.empty = true
		c.hide(list, at)
	case 2: // the page before, again
		page = c.cut(list, max(0, at-c.pageSize))
	case 3: // people twice, and people who are nobody
		page.OpenIDs = append(append([]pushd.OpenID{""}, page.OpenIDs...), page.OpenIDs...)
	case 4: // the cursor leads back to the start
		page.Next = c.followers[0]
	case 5: // the total lies
		page.Total += 1 << 40
	}
	return page
}

// hide notes whom a list that broke off did not show.
func (c phone) hide(list []pushd.OpenID, from int) {
	for _, who := range list[from:] {
		c.hidden[who] = true
	}
}

// churn lets somebody follow or leave.
func (c phone) churn(d *rand.Rand) {
	c.churned = true
	if d.IntN(2) == 0 {
		who := pushd.OpenID(fmt.Sprintf("o-late-%04d-%d", len(c.followers), d.IntN(1000)))
		if !slices.Contains(c.followers, who) && !c.gone[who] { // a list has nobody twice
			c.followers = append(c.followers, who)
			c.tag(who, d.IntN(2) == 0)
		}
	}
	if who := c.followers[d.IntN(len(c.followers))]; d.IntN(3) == 0 { // the tag is put on, or taken off
		c.tag(who, !c.carries[who])
	}
	if i := d.IntN(len(c.followers)); d.IntN(3) == 0 && c.followers[i] != c.followers[0] {
		c.gone[c.followers[i]] = true
		c.followers = slices.Delete(c.followers, i, i+1)
	}
}

// tag puts the tag on a follower, or takes it off. Whoever it was taken off need
// not be on a list; whoever carried it once may be.
func (f *fakeWeChat) tag(who pushd.OpenID, on bool) {
	f.carries[who] = on
	f.carried[who] = f.carried[who] || on
	f.dropped[who] = f.dropped[who] || !on
}

func (c phone) Quota(ctx context.Context, tok pushd.Token, _ string) (int64, pushd.Answer) {
	if c.p.travel(ctx, 50*time.Millisecond) != nil || tok != c.token() {
		return 0, pushd.Answer{Verdict: pushd.Busy, Code: -1}
	}
	return 1000, pushd.Answer{}
}

func (c phone) Templates(ctx context.Context, tok pushd.Token) ([]pushd.Template, pushd.Answer) {
	if c.p.travel(ctx, 50*time.Millisecond) != nil {
		return nil, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken}
	}
	if tok != c.token() {
		return nil, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001}
	}
	return []pushd.Template{{ID: "tpl", Content: "名称:{{thing1.DATA}}"}}, pushd.Answer{}
}

func (f *fakeWeChat) token() pushd.Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.valid
}

var _ pushd.WeChat = phone{}

// causes are those of the answers to sends, as internal/wechat has them.
var causes = map[int]pushd.Cause{43004: pushd.CauseUnfollowed, 40003: pushd.CauseOpenID, 49003: pushd.CauseOpenID, 40037: pushd.CauseTemplate, 43101: pushd.CauseUnwilling}
