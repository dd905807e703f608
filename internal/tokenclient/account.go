package tokenclient

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// firstPause and lastPause bound the pause after an ask that did not
	// help; it doubles.
	firstPause = 5 * time.Second
	lastPause  = 60 * time.Second
	// shortestPause and longestPause bound the pause that PHP tells by
	// Retry-After: a web server whose clock is wrong can tell a day.
	shortestPause = time.Second
	longestPause  = 4 * time.Minute
	// assumedLife is that of a token of which nothing else is said.
	assumedLife = 7200 * time.Second
	// shortestLife is the shortest that is believed, so that an endpoint
	// that tells nonsense is not asked for every send.
	shortestLife = 60 * time.Second
	// barred is how long a token that WeChat refused is not taken from PHP
	// again. After it one more try is made: now and then WeChat refuses a
	// good token, and with stable_token PHP then has no other to give.
	barred = 60 * time.Second
	// refusals is how many refused tokens are remembered per account.
	refusals = 8
)

// account is what is known of one account's tokens. The client's mutex guards
// it; none of its methods block.
type account struct {
	appID     string
	actID     int64         // the last one given, for PHP
	current   token         // what is handed out; none if tok is ""
	candidate token         // came with a job while there was a current one
	rejected  string        // fingerprint of the current one that was refused
	refused   []refusal     // the last few, oldest first
	asking    chan struct{} // closed when there is news of the ask; nil = there is none
	cause     Cause         // of the ask
	inTurn    bool          // PHP is being asked; else the ask waits for its turn
	callers   int           // who wait for the ask
	due       time.Time     // when the account's job has to be done; zero = not given
	wait      time.Duration // the last pause; 0 when things go well
	notBefore time.Time     // no ask before this
	lastErr   error         // why the last ask did not help; nil if it did
	failedAt  time.Time     // when that was
	failing   time.Time     // since when asks do not help; zero if they do
	used      time.Time
}

// token is a token with its times, by the monotonic clock.
type token struct {
	tok      string
	received time.Time // when pushd first saw it
	renewAt  time.Time
	deadAt   time.Time
	asked    bool // PHP gave it when asked; else it came with a job
	worked   bool // WeChat accepted it
}

type refusal struct {
	fingerprint string
	at          time.Time
}

// newToken gives a token its times. It is renewed maxAge after pushd received
// it, or some time before the end of the life that was given (0: nothing).
func newToken(tok string, life, maxAge time.Duration, now time.Time) token {
	t := token{tok: tok, received: now}
	t.learn(life, maxAge, now)
	return t
}

// learn sets the times by what was said now about the rest of its life.
func (t *token) learn(life, maxAge time.Duration, now time.Time) {
	t.deadAt = now.Add(believed(life))
	if life <= 0 { // then the assumption counts from the first sight
		t.deadAt = t.received.Add(assumedLife)
	}
	rest := believed(life)
	t.renewAt = now.Add(rest - min(200*time.Second, rest/3))
	if byAge := t.received.Add(maxAge); byAge.Before(t.renewAt) {
		t.renewAt = byAge
	}
	// PHP gave a token beyond its age once more: it is asked again, but not
	// for every send.
	if soonest := now.Add(min(shortestLife*2/3, maxAge)); t.renewAt.Before(soonest) {
		t.renewAt = soonest
	}
	if t.deadAt.Before(t.renewAt) {
		t.deadAt = t.renewAt
	}
}

func believed(life time.Duration) time.Duration {
	if life <= 0 {
		return assumedLife
	}
	return max(life, shortestLife)
}

// promote makes the candidate current where that saves waiting for PHP.
func (a *account) promote(now time.Time) {
	if a.candidate.tok == "" || a.current.tok != "" && now.Before(a.current.deadAt) {
		return
	}
	if now.Before(a.candidate.deadAt) {
		a.current = a.candidate
	}
	a.candidate = token{}
}

// offer takes a token that came with a job.
func (a *account) offer(tok string, life, maxAge time.Duration, now time.Time) {
	switch {
	case a.knows(fingerprint(tok)) >= 0:
	case tok == a.current.tok:
		if life > 0 {
			a.current.learn(life, maxAge, now)
		}
	case tok != a.candidate.tok:
		a.candidate = newToken(tok, life, maxAge, now)
		a.promote(now)
		if a.asking != nil && a.current.tok == tok {
			a.wake()
		}
	}
}

// refuse notes that WeChat refused tok. pause says that PHP's last answer
// turned out to be of no use.
func (a *account) refuse(tok string, now time.Time) (pause bool) {
	if tok == "" {
		return false
	}
	fp := fingerprint(tok)
	if i := a.knows(fp); i >= 0 {
		a.refused = append(a.refused[:i], a.refused[i+1:]...)
	} else if len(a.refused) == refusals {
		a.refused = append(a.refused[:0], a.refused[1:]...)
	}
	a.refused = append(a.refused, refusal{fp, now})
	if a.candidate.tok == tok {
		a.candidate = token{}
	}
	if a.current.tok != tok {
		return false // a late answer; what is current now may be good
	}
	useless := a.current.asked && !a.current.worked
	a.current, a.rejected = token{}, fp
	a.promote(now)
	if useless {
		a.failed(errRefusedUnused, now)
	}
	return useless
}

var (
	errRefusedUnused = errors.New("WeChat refused the token that the token endpoint gave")
	errSameToken     = errors.New("the token endpoint gave the token that WeChat had refused")
)

// worked notes that WeChat accepted tok.
func (a *account) worked(tok string) {
	if a.current.tok != tok || a.current.worked {
		return
	}
	a.current.worked = true
	a.rejected = ""
	a.wait, a.notBefore = 0, time.Time{}
	if a.current.asked {
		a.lastErr, a.failing = nil, time.Time{}
	}
	if i := a.knows(fingerprint(tok)); i >= 0 {
		a.refused = append(a.refused[:i], a.refused[i+1:]...)
	}
}

// take makes what PHP gave the current token, unless WeChat refused it a
// short while ago.
func (a *account) take(tok string, life, maxAge time.Duration, began, now time.Time) bool {
	if i := a.knows(fingerprint(tok)); i >= 0 && now.Sub(a.refused[i].at) < barred {
		return false
	}
	if tok == a.current.tok {
		a.current.learn(life, maxAge, now)
	} else {
		a.current = newToken(tok, life, maxAge, now)
		a.current.asked = true
	}
	if a.candidate.tok == tok || a.candidate.received.Before(began) {
		a.candidate = token{} // PHP knows better than an older post
	}
	a.lastErr, a.failing, a.notBefore = nil, time.Time{}, time.Time{}
	return true
}

// failed notes an ask that did not help.
func (a *account) failed(err error, now time.Time) {
	a.lastErr, a.failedAt = err, now
	if a.failing.IsZero() {
		a.failing = now
	}
}

// pause keeps PHP from being asked for a while: as long as PHP said, else 5 s,
// doubling to 60 s; up to a fifth longer by chance so that accounts don't ask in
// step.
func (a *account) pause(r *rand.Rand, asked time.Duration, now time.Time) {
	wait := min(max(asked, shortestPause), longestPause)
	if asked <= 0 {
		a.wait = min(max(firstPause, 2*a.wait), lastPause*5/6)
		wait = a.wait
	}
	a.notBefore = now.Add(spread(wait, r))
}

// wake lets those who wait for an ask look again.
func (a *account) wake() {
	close(a.asking)
	a.asking = make(chan struct{})
}

// knows finds a fingerprint among the refused; -1 if it is not there.
func (a *account) knows(fingerprint string) int {
	for i := range a.refused {
		if a.refused[i].fingerprint == fingerprint {
			return i
		}
	}
	return -1
}
