package wechatsim

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Callback is where an account's events go and how they come.
type Callback struct {
	URL   string
	Token string // for the signature
	// JobFinish: each delivered message comes back as an event
	// TEMPLATESENDJOBFINISH.
	JobFinish bool
	// Failed is the share of those whose Status is not "success".
	Failed float64
	// Twice is the share of events that come a second time.
	Twice float64
	// Contrary is the share of messages of which a second event says the opposite of
	// the first.
	Contrary float64
	// Strange is the share of messages beside which an event of another message
	// comes: with a MsgID that nobody knows, of an openid that is no follower's.
	Strange float64
	// Late is the share of events that come later than others, by Lateness.
	Late     float64
	Lateness Latency
	// Delay is how long an event waits; with it they also change places.
	Delay Latency
	// Workers is how many events are under way at once; default 16.
	Workers int
	Client  *http.Client `json:"-"` // default: one that gives up after 5 s
	// Reply, if not nil, gets what the platform answers to an event with a
	// message: WeChat shows that to the follower.
	Reply func(openid, xml string) `json:"-"`
}

// eventQueue is the events that wait; its workers end when it is empty.
type eventQueue struct {
	mu      sync.Mutex
	waiting []event
	workers int
}

// event is one event; its text is made when it is sent.
type event struct {
	follower int
	key      uint64
	msgid    int64 // TEMPLATESENDJOBFINISH
	kind     string
	scene    string
	ticket   string
	made     time.Time // CreateTime
	receipt  *Receipt  // TEMPLATESENDJOBFINISH
}

// SetCallback says where the events go from now on; nil: nowhere.
func (a *Account) SetCallback(c *Callback) {
	if c != nil {
		own := *c
		c = &own
		if c.Workers <= 0 {
			c.Workers = 16
		}
		if c.Client == nil {
			c.Client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
				MaxIdleConnsPerHost: c.Workers, IdleConnTimeout: time.Second,
			}}
		}
	}
	a.callback.Store(c)
}

// VerifyCallback does what WeChat does when the URL is entered in its
// console: a signed GET whose echostr must come back.
func (a *Account) VerifyCallback(ctx context.Context) error {
	c := a.callback.Load()
	if c == nil {
		return errors.New("verify callback: no URL is set")
	}
	echo := strconv.FormatUint(a.sim.serial.Add(1), 10)
	body, err := c.call(ctx, http.MethodGet, a.signed(c, "&echostr="+echo), "")
	if err == nil && body != echo {
		err = fmt.Errorf("answer is %.80q, not the echostr", body)
	}
	if err != nil {
		return fmt.Errorf("verify callback: %w", err)
	}
	return nil
}

// Scan is the scan of a QR code: a follower's comes as SCAN; any other follows
// by it, which comes as subscribe. An empty openid is a new follower. It
// returns the openid.
func (a *Account) Scan(ticket, openid string) (string, error) {
	code, ok := a.sim.qr.find(ticket, a.now())
	if !ok || code.account != a {
		return "", errors.New("scan: no such QR code of this account")
	}
	e := event{kind: "SCAN", scene: code.scene, ticket: ticket}
	switch i, known := a.followers.index([]byte(openid)); {
	case openid == "":
		e.follower, e.kind = a.followers.join(), "subscribe"
	case !known:
		return "", errors.New("scan: no follower has this openid")
	default:
		e.follower = i
		if a.followers.gone(i) {
			a.followers.comeBack(i)
			e.kind = "subscribe"
		}
	}
	if e.kind == "subscribe" {
		e.scene = "qrscene_" + e.scene
	}
	a.post(e)
	return a.followers.openID(e.follower), nil
}

// Follow adds a new follower without a QR code and returns the openid.
func (a *Account) Follow() string {
	e := event{kind: "subscribe", follower: a.followers.join()}
	a.post(e)
	return a.followers.openID(e.follower)
}

// Unfollow is a follower who leaves, as Leave; it comes as unsubscribe.
func (a *Account) Unfollow(openid string) bool {
	i, ok := a.followers.index([]byte(openid))
	if ok {
		a.followers.leave(i)
		a.post(event{kind: "unsubscribe", follower: i})
	}
	return ok
}

// post puts an event into the queue.
func (a *Account) post(e event) {
	c := a.callback.Load()
	if c == nil {
		return
	}
	e.key = mix(a.key, uint64(e.follower), uint64(e.msgid), number(e.kind), 19)
	if e.receipt != nil {
		e.key = mix(e.key, number(e.receipt.Status))
	}
	if e.made.IsZero() {
		e.made = a.now()
	}
	times := 1
	if unit(mix(e.key, 1)) < c.Twice {
		times = 2
	}
	a.counters.change(func(t *Stats) { t.CallbacksMade += int64(times) })
	q := &a.events
	q.mu.Lock()
	defer q.mu.Unlock()
	for range times {
		q.waiting = append(q.waiting, e)
	}
	if q.workers < c.Workers {
		q.workers++
		a.sim.work.Go(a.postEvents)
	}
}

// postEvents sends events until there are none.
func (a *Account) postEvents() {
	ctx := a.sim.life
	for ctx.Err() == nil {
		e, ok := a.events.next()
		if !ok {
			return
		}
		if c := a.callback.Load(); c != nil {
			a.postEvent(ctx, c, e)
		}
	}
}

func (q *eventQueue) next() (event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.workers--
		q.waiting = nil
		return event{}, false
	}
	e := q.waiting[0]
	q.waiting = q.waiting[1:]
	return e, true
}

// postEvent sends one event, three times at most. An answer in XML is a
// message to the recipient, and good.
func (a *Account) postEvent(ctx context.Context, c *Callback, e event) {
	if !a.sim.pause(ctx, c.Delay.at(unit(mix(e.key, 2)))) {
		return
	}
	text := a.eventText(e)
	taken := false
	for try := 0; try < 3 && !taken && ctx.Err() == nil; try++ {
		a.counters.change(func(t *Stats) { t.CallbackTries++ })
		body, err := c.call(ctx, http.MethodPost, a.signed(c, "&openid="+a.eventOpenID(e)), text)
		reply := strings.HasPrefix(body, "<xml>")
		taken = err == nil && (body == "" || body == "success" || reply)
		if taken && e.receipt != nil {
			a.receipts.answered(e.receipt, a.now())
		}
		if taken && reply && c.Reply != nil {
			c.Reply(a.followers.openID(e.follower), body)
		}
	}
	a.counters.change(func(t *Stats) {
		if taken {
			t.Callbacks++
		} else {
			t.CallbackFails++
		}
	})
}

// call calls the platform and returns the body of a 200.
func (c *Callback) call(ctx context.Context, method, target, text string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(text))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := c.Client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(body), err
}

// signed is the callback's URL with signature, timestamp and nonce.
func (a *Account) signed(c *Callback, more string) string {
	stamp := strconv.FormatInt(a.now().Unix(), 10)
	nonce := strconv.FormatUint(mix(a.key, a.sim.serial.Add(1), 20)%1e9, 10)
	sep := "?"
	if u, err := url.Parse(c.URL); err == nil && u.RawQuery != "" {
		sep = "&"
	}
	return c.URL + sep + "signature=" + Signature(c.Token, stamp, nonce) +
		"&timestamp=" + stamp + "&nonce=" + nonce + more
}

// Signature is how WeChat signs a callback: the SHA-1 of token, timestamp and
// nonce in alphabetical order.
func Signature(token, timestamp, nonce string) string {
	parts := []string{token, timestamp, nonce}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// eventText is the XML of an event.
func (a *Account) eventText(e event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<xml><ToUserName><![CDATA[gh_%012x]]></ToUserName>", a.key>>16)
	fmt.Fprintf(&b, "<FromUserName><![CDATA[%s]]></FromUserName>", a.eventOpenID(e))
	fmt.Fprintf(&b, "<CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType>", e.made.Unix())
	fmt.Fprintf(&b, "<Event><![CDATA[%s]]></Event>", e.kind)
	if e.receipt != nil {
		fmt.Fprintf(&b, "<MsgID>%d</MsgID><Status><![CDATA[%s]]></Status>", e.msgid, e.receipt.Status)
	}
	if e.ticket != "" {
		fmt.Fprintf(&b, "<EventKey><![CDATA[%s]]></EventKey><Ticket><![CDATA[%s]]></Ticket>", e.scene, e.ticket)
	}
	b.WriteString("</xml>")
	return b.String()
}
