package fanout

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
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
	pageSize   int
	cut, until time.Time     // nothing reaches it in between
	outage     time.Time     // nothing good before
	waits      time.Duration // for a connection, of each send
	quota      int           // sends left today; -1 = no end
	minute     int           // sends left this minute
	minuteOf   time.Time
	lies       int  // odd pages to come
	empty      bool // one of them said that nobody follows; a second time it is believed
}

// fakePerson is one follower as WeChat knows them.
type fakePerson struct {
	code      int // what every send to them is answered with; 0 = they receive
	puts      int // how often they are put off with code before they receive
	requests  int
	told      []time.Time   // when a message was delivered to them
	putAt     time.Time     // when they were last put off
	early     time.Duration // by how much they were asked again too soon
	unknown   bool          // somebody got an ambiguous answer about them
	excused   bool          // the last answer allows to ask again
	unexcused int           // requests beyond the first that no answer allowed
}

// dedup is how long WeChat tells a repeated client_msg_id from a new one.
const dedup = 10 * time.Minute

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
		f.people[r] = p
	}
	return p
}

// Send is one send over the wire: there, at WeChat, and back.
func (c phone) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	w := c.p.w
	who := recipient{letterID(letter), to}
	lost := pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken, Ambiguous: true, Text: "connection reset"}
	if c.p.crashed() {
		return lost
	}
	w.judgeStart(c.p, who)
	d := w.dice("send", string(to))
	way := time.Duration(20+d.IntN(80)) * time.Millisecond
	if w.has(slowWeChat) && d.IntN(30) == 0 {
		way = time.Duration(d.IntN(4000)) * time.Millisecond
	}
	if err := c.p.travel(ctx, c.waits+way); err != nil {
		if d.IntN(2) == 0 { // the request was out already
			c.arrive(tok, who, d, true)
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
			c.arrive(tok, who, d, true)
		} else {
			c.excuse(who)
			c.doubt(who)
		}
		_ = c.p.travel(ctx, 10*time.Second)
		return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeTimeout, Ambiguous: true, Text: "no answer in 10 s"}
	}
	a := c.arrive(tok, who, d, false)
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

// arrive is the moment at which WeChat takes a request. unheard says that
// nobody will hear the answer.
func (c phone) arrive(tok pushd.Token, who recipient, d *rand.Rand, unheard bool) pushd.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.used[tok], c.last = now, now
	p := c.person(who)
	p.requests++
	if p.requests > 1 && !p.excused {
		p.unexcused++
	}
	p.excused = unheard && !c.p.crashed()
	p.unknown = p.unknown || unheard
	a := c.decide(p, tok, who.to, d, now)
	if a.Verdict == pushd.Busy && a.Ambiguous {
		p.unknown = true
	}
	c.w.trace("  send %s %s → %v %d (told %d)", c.p.owner.Boot, who.to, a.Verdict, a.Code, len(p.told))
	return a
}

func (c phone) decide(p *fakePerson, tok pushd.Token, to pushd.OpenID, d *rand.Rand, now time.Time) pushd.Answer {
	refuse := func(v pushd.Verdict, code int) pushd.Answer {
		return pushd.Answer{Verdict: v, Code: code, Cause: causes[code], Text: "as scripted"}
	}
	busy := pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true, Text: "system busy"}
	if minute := now.Truncate(time.Minute); minute != c.minuteOf {
		c.minuteOf, c.minute = minute, 40
	}
	switch {
	case tok == c.foreign && tok != "":
		return refuse(pushd.Skip, 40003)
	case tok != c.valid && (tok != c.older || tok == ""):
		return refuse(pushd.TokenRefused, 40001)
	case now.Before(c.outage):
		if d.IntN(4) == 0 {
			c.deliver(p, now)
		}
		return busy
	case c.w.has(busyWeChat) && d.IntN(20) == 0:
		if d.IntN(4) == 0 {
			c.deliver(p, now)
		}
		return busy
	case c.gone[to]:
		return refuse(pushd.Skip, 43004)
	case c.quota == 0:
		return refuse(pushd.Quota, 45009)
	case c.w.has(minuteLimit) && c.minute == 0:
		return refuse(pushd.Slower, 45011)
	case p.code == -1:
		return busy
	case p.code == 40241 && p.puts > 0:
		p.putOff(now, time.Minute)
		return refuse(pushd.DeferShort, 40241)
	case p.code == 43117 && p.puts > 0:
		p.putOff(now, 30*time.Minute)
		return refuse(pushd.DeferLong, 43117)
	case p.code == 43004 || p.code == 43101:
		return refuse(pushd.Skip, p.code)
	case p.code == 48003:
		return refuse(pushd.Other, 48003)
	}
	c.minute--
	if c.quota > 0 {
		c.quota--
	}
	if len(p.told) > 0 && now.Sub(p.told[len(p.told)-1]) < dedup && d.IntN(2) == 0 {
		return refuse(pushd.DeferShort, 40241) // how a repetition is answered is not known
	}
	c.deliver(p, now)
	return pushd.Answer{}
}

// putOff asks for a person to be left alone for some time.
func (p *fakePerson) putOff(now time.Time, wait time.Duration) {
	if !p.putAt.IsZero() && now.Sub(p.putAt) < wait {
		p.early = wait - now.Sub(p.putAt)
	}
	p.puts, p.putAt = p.puts-1, now
}

// deliver tells a person, unless that is a repetition within the window.
func (c phone) deliver(p *fakePerson, now time.Time) {
	if n := len(p.told); n == 0 || now.Sub(p.told[n-1]) >= dedup {
		p.told = append(p.told, now)
	}
}

// Page lists followers.
func (c phone) Page(ctx context.Context, tok pushd.Token, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	d := c.p.w.dice("page", string(cursor))
	if err := c.p.travel(ctx, time.Duration(50+d.IntN(200))*time.Millisecond); err != nil {
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeBroken}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.p.w
	switch {
	case tok == c.foreign && tok != "":
		return pushd.FollowerPage{Total: 3, OpenIDs: []pushd.OpenID{"xa", "xb", "xc"}, Next: "xc"}, pushd.Answer{}
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
		at = i + 1
	}
	if w.has(oddPages) && c.lies > 0 && d.IntN(4) == 0 {
		c.lies--
		return c.odd(at, d), pushd.Answer{}
	}
	return c.cut(at), pushd.Answer{}
}

// cut is the page of followers from at on.
func (c phone) cut(at int) pushd.FollowerPage {
	ids := slices.Clone(c.followers[at:min(len(c.followers), at+c.pageSize)])
	page := pushd.FollowerPage{Total: int64(len(c.followers)), OpenIDs: ids}
	if len(ids) > 0 {
		page.Next = ids[len(ids)-1]
	}
	return page
}

// odd is a page as WeChat gives it now and then.
func (c phone) odd(at int, d *rand.Rand) pushd.FollowerPage {
	c.w.trace("  an odd page from %d", at)
	page := c.cut(at)
	kind := d.IntN(6)
	if kind == 1 && c.empty {
		kind = 0
	}
	switch kind {
	case 0: // the list breaks off
		page.OpenIDs, page.Next = nil, ""
	case 1: // and nobody is left
		page.OpenIDs, page.Next, page.Total = nil, "", 0
		c.empty = true
	case 2: // the page before, again
		page = c.cut(max(0, at-c.pageSize))
	case 3: // people twice, and people who are nobody
		page.OpenIDs = append(append([]pushd.OpenID{""}, page.OpenIDs...), page.OpenIDs...)
	case 4: // the cursor leads back to the start
		page.Next = c.followers[0]
	case 5: // the total lies
		page.Total += 1 << 40
	}
	return page
}

// churn lets somebody follow or leave.
func (c phone) churn(d *rand.Rand) {
	if d.IntN(2) == 0 {
		c.followers = append(c.followers, pushd.OpenID(fmt.Sprintf("o-late-%04d-%d", len(c.followers), d.IntN(1000))))
	}
	if i := d.IntN(len(c.followers)); d.IntN(3) == 0 && c.followers[i] != c.followers[0] {
		c.gone[c.followers[i]] = true
		c.followers = slices.Delete(c.followers, i, i+1)
	}
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
var causes = map[int]pushd.Cause{43004: pushd.CauseUnfollowed, 40003: pushd.CauseOpenID, 49003: pushd.CauseOpenID, 40037: pushd.CauseTemplate}
