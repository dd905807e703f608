package tokenclient

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The life of a token by the second: what is decided at a limit, just before
// it and just after it.

const maxAge = 7000 * time.Second

func epoch() time.Time { return time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC) }

func TestToken_Times(t *testing.T) {
	for _, tc := range []struct {
		name        string
		first       time.Duration // life told at the first sight
		age         time.Duration // when it is told again; 0: it is not
		again       time.Duration // life told then
		renew, dead time.Duration // since the first sight
	}{
		{"Usual", 7200 * time.Second, 0, 0, 7000 * time.Second, 7200 * time.Second},
		{"Unknown", 0, 0, 0, 7000 * time.Second, 7200 * time.Second},
		{"Short", 300 * time.Second, 0, 0, 200 * time.Second, 300 * time.Second},
		{"Shortest", time.Second, 0, 0, 40 * time.Second, 60 * time.Second},
		{"600IsAThird", 600 * time.Second, 0, 0, 400 * time.Second, 600 * time.Second},
		{"601IsNotAThird", 603 * time.Second, 0, 0, 403 * time.Second, 603 * time.Second},
		// What is not known again counts from the first sight, not anew.
		{"UnknownAgain", 0, 1000 * time.Second, 0, 7000 * time.Second, 7200 * time.Second},
		{"LongerAgain", 600 * time.Second, 500 * time.Second, 7200 * time.Second, 7000 * time.Second, 7700 * time.Second},
		{"ShorterAgain", 7200 * time.Second, 1000 * time.Second, 600 * time.Second, 1400 * time.Second, 1600 * time.Second},
		// Beyond its age: PHP is asked once more 40 s later, not per send.
		{"BeyondItsAge", 7200 * time.Second, 7100 * time.Second, 7200 * time.Second, 7140 * time.Second, 14300 * time.Second},
		{"BeyondItsAgeAndUnknown", 0, 7190 * time.Second, 0, 7230 * time.Second, 7230 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok := newToken("tok", tc.first, maxAge, epoch())
			if tc.age != 0 {
				tok.learn(tc.again, maxAge, epoch().Add(tc.age))
			}
			if renew, dead := tok.renewAt.Sub(epoch()), tok.deadAt.Sub(epoch()); renew != tc.renew || dead != tc.dead {
				t.Errorf("renewed after %v, dead after %v; want %v, %v", renew, dead, tc.renew, tc.dead)
			}
		})
	}
	// A short age is kept, whatever life is told.
	if tok := newToken("tok", 0, 10*time.Second, epoch()); tok.renewAt.Sub(epoch()) != 10*time.Second {
		t.Errorf("renewed after %v, want 10 s", tok.renewAt.Sub(epoch()))
	}
}

func TestAccount_Promote(t *testing.T) {
	for _, tc := range []struct {
		name               string
		current, candidate time.Duration // their lives; 0: there is none
		after              time.Duration
		want               string
		left               bool // the candidate stays one
	}{
		{"NoCandidate", 600 * time.Second, 0, 0, "current", false},
		{"NoCurrent", 0, 600 * time.Second, 0, "candidate", false},
		{"CurrentLives", 600 * time.Second, 900 * time.Second, 599 * time.Second, "current", true},
		{"CurrentDies", 600 * time.Second, 900 * time.Second, 600 * time.Second, "candidate", false},
		{"BothDie", 600 * time.Second, 600 * time.Second, 600 * time.Second, "current", false},
		{"CandidateLives", 0, 600 * time.Second, 599 * time.Second, "candidate", false},
		{"CandidateDies", 0, 600 * time.Second, 600 * time.Second, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var a account
			if tc.current != 0 {
				a.current = newToken("current", tc.current, maxAge, epoch())
			}
			if tc.candidate != 0 {
				a.candidate = newToken("candidate", tc.candidate, maxAge, epoch())
			}
			a.promote(epoch().Add(tc.after))
			if a.current.tok != tc.want || (a.candidate.tok != "") != tc.left {
				t.Errorf("current %q, candidate %q", a.current.tok, a.candidate.tok)
			}
		})
	}
}

func TestAccount_OfferAgain(t *testing.T) {
	var a account
	a.offer("tok", 600*time.Second, maxAge, epoch())
	later := epoch().Add(100 * time.Second)
	if a.offer("tok", 0, maxAge, later); a.current.deadAt != epoch().Add(600*time.Second) {
		t.Errorf("a post without a life changed it: dead %v", a.current.deadAt.Sub(epoch()))
	}
	if a.offer("tok", 7200*time.Second, maxAge, later); a.current.deadAt != later.Add(7200*time.Second) {
		t.Errorf("a post with a life did not change it: dead %v", a.current.deadAt.Sub(epoch()))
	}
	a.offer("other", time.Second, maxAge, later)
	received := a.candidate.received
	if a.offer("other", 0, maxAge, later.Add(time.Second)); a.candidate.received != received {
		t.Error("the same candidate is another")
	}
	if a.offer("third", 0, maxAge, later); a.candidate.tok != "third" || a.current.tok != "tok" {
		t.Errorf("candidate %q, current %q", a.candidate.tok, a.current.tok)
	}
}

// The token of an age-old post is promoted when the current one is refused.
func TestAccount_RefuseIsRememberedOnce(t *testing.T) {
	var a account
	for n := range 3 {
		a.refuse("tok", epoch().Add(time.Duration(n)*time.Second))
	}
	if len(a.refused) != 1 || a.refused[0].at != epoch().Add(2*time.Second) {
		t.Errorf("refused: %v", a.refused)
	}
	if a.refuse("", epoch()); len(a.refused) != 1 {
		t.Error("no token was refused, and it is remembered")
	}
	for n := range refusals {
		a.refuse(fmt.Sprint("tok", n), epoch())
	}
	if len(a.refused) != refusals || a.knows(fingerprint("tok")) != -1 || a.knows(fingerprint("tok0")) != 0 {
		t.Errorf("%d remembered, the oldest at %d", len(a.refused), a.knows(fingerprint("tok")))
	}
}

func TestAccount_RefuseOfAnOldToken(t *testing.T) {
	a := account{current: newToken("new", 0, maxAge, epoch()), candidate: newToken("posted", 0, maxAge, epoch())}
	a.current.asked = true
	if a.refuse("old", epoch()) || a.current.tok != "new" || a.candidate.tok != "posted" {
		t.Errorf("current %q, candidate %q", a.current.tok, a.candidate.tok)
	}
	if a.refuse("posted", epoch()) || a.current.tok != "new" || a.candidate.tok != "" {
		t.Errorf("current %q, candidate %q", a.current.tok, a.candidate.tok)
	}
	// PHP gave it and it never worked: PHP is left alone for a while.
	if !a.refuse("new", epoch()) || a.current.tok != "" || !errors.Is(a.lastErr, errRefusedUnused) || a.rejected != fingerprint("new") {
		t.Errorf("current %q, error %v", a.current.tok, a.lastErr)
	}
}

func TestAccount_RefuseThatIsNoFaultOfPHP(t *testing.T) {
	for name, tok := range map[string]token{
		"Worked": {tok: "tok", asked: true, worked: true}, "Posted": {tok: "tok"},
	} {
		a := account{current: tok}
		if a.refuse("tok", epoch()) || a.lastErr != nil || a.current.tok != "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestAccount_Worked(t *testing.T) {
	a := account{
		current: token{tok: "tok", asked: true}, rejected: "old", wait: time.Minute, notBefore: epoch(),
		lastErr: errSameToken, failing: epoch(), refused: []refusal{{fingerprint("tok"), epoch()}, {fingerprint("x"), epoch()}},
	}
	if a.worked("other"); a.current.worked || a.rejected == "" {
		t.Error("a late answer about another token counts")
	}
	a.worked("tok")
	if !a.current.worked || a.rejected != "" || a.wait != 0 || !a.notBefore.IsZero() || a.lastErr != nil || !a.failing.IsZero() {
		t.Errorf("%+v", a)
	}
	if len(a.refused) != 1 || a.knows(fingerprint("tok")) != -1 {
		t.Errorf("still known as refused: %v", a.refused)
	}
	// A posted token that works says nothing of PHP's health.
	b := account{current: token{tok: "tok"}, lastErr: errSameToken, failing: epoch()}
	if b.worked("tok"); b.lastErr == nil || b.failing.IsZero() {
		t.Error("PHP counts as healthy")
	}
	// Only the first time matters: what fails later is not hidden.
	a.lastErr, a.failing = errSameToken, epoch()
	if a.worked("tok"); a.lastErr == nil {
		t.Error("a failure is hidden by every send")
	}
}

func TestAccount_TakeARefusedToken(t *testing.T) {
	for age, want := range map[time.Duration]bool{
		0: false, barred - 1: false, barred: true, barred + time.Second: true,
	} {
		a := account{refused: []refusal{{fingerprint("tok"), epoch()}}}
		if a.take("tok", 0, maxAge, epoch(), epoch().Add(age)) != want || (a.current.tok == "tok") != want {
			t.Errorf("%v after the refusal: current %q", age, a.current.tok)
		}
	}
}

func TestAccount_TakeAndTheCandidate(t *testing.T) {
	began, now := epoch(), epoch().Add(time.Second)
	for _, tc := range []struct {
		name, candidate string
		received        time.Time
		left            bool
	}{
		{"Same", "php", now, false},
		{"Older", "posted", began.Add(-1), false},
		{"AtTheStart", "posted", began, true},
		{"Newer", "posted", now, true},
	} {
		a := account{candidate: newToken(tc.candidate, 0, maxAge, tc.received), failing: epoch(), lastErr: errSameToken, notBefore: now}
		if !a.take("php", 600*time.Second, maxAge, began, now) {
			t.Fatalf("%s: not taken", tc.name)
		}
		if (a.candidate.tok != "") != tc.left {
			t.Errorf("%s: candidate is %q", tc.name, a.candidate.tok)
		}
		if !a.current.asked || a.lastErr != nil || !a.failing.IsZero() || !a.notBefore.IsZero() {
			t.Errorf("%s: %+v", tc.name, a)
		}
	}
	// The same one again keeps what is known of it, and gets the new times.
	a := account{current: token{tok: "php", received: began, worked: true}}
	if a.take("php", 600*time.Second, maxAge, began, now); !a.current.worked || a.current.deadAt != now.Add(600*time.Second) {
		t.Errorf("%+v", a.current)
	}
}

func TestAccount_Pause(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	var a account
	for n, want := range []time.Duration{5, 10, 20, 40, 50, 50, 50} {
		want *= time.Second
		a.pause(r, 0, epoch())
		if a.wait != want {
			t.Errorf("pause %d is %v, want %v", n, a.wait, want)
		}
	}
	shortest, longest := time.Hour, time.Duration(0)
	for range 1000 {
		a.pause(r, 0, epoch())
		shortest, longest = min(shortest, a.notBefore.Sub(epoch())), max(longest, a.notBefore.Sub(epoch()))
	}
	if shortest < 50*time.Second || shortest > 51*time.Second || longest > time.Minute || longest < 59*time.Second {
		t.Errorf("pauses of %v to %v, want 50 to 60 s, all of them", shortest, longest)
	}
}

func TestClient_SweepsToTheSecond(t *testing.T) {
	inBubble(t, &php{answer: gives}, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		accounts := func(want int, when string) {
			t.Helper()
			if n := c.Counts().Accounts; n != want {
				t.Errorf("%s: %d accounts, want %d", when, n, want)
			}
		}
		c.Offer("wx1", "posted", 0)
		time.Sleep(idleLife - sweepEvery)
		c.Offer("wx2", "posted", 0)
		accounts(2, "before its time")
		time.Sleep(sweepEvery - 1)
		c.Offer("wx3", "posted", 0)
		accounts(3, "just before its time")
		time.Sleep(time.Nanosecond)
		c.Offer("wx3", "posted", 0)
		accounts(2, "at its time")
		if c.accounts["wx1"] != nil {
			t.Error("another one went")
		}
	})
}

func TestClient_HealthForgetsToTheSecond(t *testing.T) {
	inBubble(t, &php{answer: always(500, "")}, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		c.Token(t.Context(), "wx1", 1)
		time.Sleep(time.Second)
		c.Token(t.Context(), "wx2", 1)
		if h := c.Health(); h.Failing != 2 || h.AppID != "wx1" {
			t.Errorf("both: %+v", h)
		}
		time.Sleep(staleFailure - time.Second)
		if h := c.Health(); h.Failing != 2 {
			t.Errorf("at the limit: %+v", h)
		}
		time.Sleep(time.Nanosecond)
		if h := c.Health(); h.Failing != 1 || h.AppID != "wx2" || time.Since(h.Since) < staleFailure-time.Second {
			t.Errorf("beyond the limit: %+v", h)
		}
	})
}

func TestClient_Counts(t *testing.T) {
	p := &php{answer: func(n int, r *http.Request) (int, string) {
		if n == 2 {
			return 500, ""
		}
		return gives(n, r)
	}}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "tok1")
		c.Worked("wx1", "tok1")
		_, err := c.Refused(t.Context(), "wx1", 42, "tok1")
		u := mustPause(t, err, 5*time.Second, 6*time.Second)
		time.Sleep(u.RetryAfter)
		mustToken(t, c, "tok3")
		n := c.Counts()
		if n.Asks != 3 || n.Failures != 1 || n.Refreshes[CauseFirst] != 1 || n.Refreshes[CauseRefused] != 1 || len(n.Refreshes) != 2 {
			t.Errorf("%+v", n)
		}
	})
}

// A token is renewed at its time, used until its end, and PHP is not asked
// while it pauses.
func TestClient_ToTheSecond(t *testing.T) {
	p := &php{answer: func(n int, r *http.Request) (int, string) {
		if n == 2 {
			return 500, ""
		}
		return 200, fmt.Sprintf(`{"access_token":"tok%d","expires_in":600}`, n)
	}}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		asks := func(want int, when string) {
			t.Helper()
			if synctest.Wait(); p.count() != want {
				t.Errorf("%s: %d asks, want %d", when, p.count(), want)
			}
		}
		mustToken(t, c, "tok1")
		time.Sleep(400*time.Second - 1)
		mustToken(t, c, "tok1")
		asks(1, "just before its time")
		time.Sleep(time.Nanosecond)
		mustToken(t, c, "tok1")
		asks(2, "at its time")
		until := c.accounts["wx1"].notBefore
		time.Sleep(time.Until(until) - 1)
		mustToken(t, c, "tok1")
		asks(2, "at the pause's last moment")
		time.Sleep(time.Nanosecond)
		mustToken(t, c, "tok1")
		asks(3, "after the pause")
		mustToken(t, c, "tok3")
	})
}

func TestTexts_ToTheByte(t *testing.T) {
	twelve := strings.TrimSpace(strings.Repeat("w ", 12))
	if got := words([]byte(twelve)); got != twelve {
		t.Errorf("twelve words are %q", got)
	}
	if got := words([]byte(twelve + " x")); got != twelve+" …" {
		t.Errorf("thirteen words are %q", got)
	}
	full := strings.Repeat("x", maxText)
	if capText(full) != full || capText(full+"x") != full+"…" {
		t.Error("a text is cut at another place")
	}
	if got := capText(full[:maxText-1] + "中"); got != full[:maxText-1]+"…" {
		t.Errorf("a character is cut in two: %q", got[maxText-4:])
	}
	if got := capText(full[:maxText-3] + "中x"); got != full[:maxText-3]+"中…" {
		t.Errorf("a character that fits is lost: %q", got[maxText-4:])
	}
	for text, ok := range map[string]bool{
		"!": true, "~": true, " ": false, "a\x7f": false, "a\x1f": false, "é": false, "": false,
		strings.Repeat("x", 2048): true, strings.Repeat("x", 2049): false,
	} {
		if err := checkToken(text); (err == nil) != ok {
			t.Errorf("token of %d bytes %.8q: %v", len(text), text, err)
		}
	}
}

func TestEndpoint_Limits(t *testing.T) {
	for key, ok := range map[string]bool{"!~": true, "a b": false, "a\x7f": false, "a\x1f": false} {
		if _, err := parseEndpoint("https://php.example/", key, false); (err == nil) != ok {
			t.Errorf("key %q: %v", key, err)
		}
	}
	e, err := parseEndpoint("https://php.example/?a=four&b=odd", "", false)
	if err != nil || len(e.secrets) != 3 || e.secrets[1] != "four" {
		t.Errorf("secrets are %q, %v", e.secrets, err)
	}
	transport := newResty(Options{}).GetClient().Transport.(*http.Transport)
	if transport.TLSHandshakeTimeout != 5*time.Second || transport.MaxConnsPerHost != 0 || !transport.DisableKeepAlives {
		t.Errorf("transport %+v", transport)
	}
}

func TestNew_Limits(t *testing.T) {
	for _, o := range []Options{{MaxAge: -1}, {Timeout: -1}} {
		o.URL = "https://php.example/"
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	c, err := New(Options{URL: "https://php.example/"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.o.MaxAge != maxAge || c.o.Timeout != 10*time.Second || c.o.Logger == nil {
		t.Errorf("defaults: %+v", c.o)
	}
	d, err := New(Options{URL: "https://php.example/", MaxAge: 1, Timeout: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.o.MaxAge != 1 || d.o.Timeout != 2 {
		t.Errorf("settings: %+v", d.o)
	}
}

// The shortest rest of life is told of the tokens in use, and of no others.
func TestClient_LifeOfTokensInUse(t *testing.T) {
	inBubble(t, &php{answer: gives}, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		want := func(life time.Duration, inUse bool) {
			t.Helper()
			if h := c.Health(); h.Life != life || h.InUse != inUse {
				t.Errorf("%v, %v, want %v, %v", h.Life, h.InUse, life, inUse)
			}
		}
		want(0, false)
		c.Offer("wx1", "token-of-wx1", time.Hour)
		c.Offer("wx2", "token-of-wx2", 30*time.Minute)
		want(30*time.Minute, true)
		time.Sleep(50 * time.Second)
		c.Offer("wx1", "token-of-wx1", 0) // asked for again
		time.Sleep(20 * time.Second)
		want(time.Hour-70*time.Second, true)
		time.Sleep(time.Minute)
		want(0, false)
	})
}
