package wechatsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// token is one access token. Of its times, in ms since 1970, dead is when it
// was replaced or revoked (40001 from then on; 0 never), expires its natural
// end (42001).
type token struct {
	account *Account
	value   string
	expires atomic.Int64
	dead    atomic.Int64
}

// tokenBook finds the token of a request.
type tokenBook struct {
	mu  sync.Mutex
	all atomic.Pointer[map[string]*token]
}

// accountTokens are the two tokens of an account: the classic one and the
// stable one, which know nothing of each other.
type accountTokens struct {
	mu              sync.Mutex
	serial          uint64
	classic, stable *token
	forced          time.Time
	forcedToday     int
	forcedDay       int64
}

const (
	tokenLen  = 136
	oldTokens = 5 * time.Minute // both the old and the new one work
)

// check finds a token and says what is wrong with it: 0, 40001, 40014,
// 41001 or 42001. The token is nil if it never existed.
func (b *tokenBook) check(value string, now time.Time) (*token, int) {
	if value == "" {
		return nil, 41001
	}
	if all := b.all.Load(); all != nil {
		if t := (*all)[value]; t != nil {
			return t, t.check(now)
		}
	}
	if !wellFormed(value) {
		return nil, 40014
	}
	return nil, 40001
}

func (t *token) check(now time.Time) int {
	ms := now.UnixMilli()
	switch dead := t.dead.Load(); {
	case dead != 0 && ms >= dead:
		return 40001
	case ms >= t.expires.Load():
		return 42001
	}
	return 0
}

// wellFormed says whether a string looks like a token: "71_…".
func wellFormed(value string) bool {
	at := strings.IndexByte(value, '_')
	if len(value) < 100 || at < 1 {
		return false
	}
	for i := range len(value) {
		if !openidChar(value[i]) {
			return false
		}
	}
	return true
}

// replace makes t die at the given time unless it dies earlier.
func (t *token) replace(at time.Time) {
	if t != nil && (t.dead.Load() == 0 || t.dead.Load() > at.UnixMilli()) {
		t.dead.Store(at.UnixMilli())
	}
}

// newToken makes a token; called with the lock of accountTokens held.
func (a *Account) newToken(now time.Time) *token {
	a.tokens.serial++
	key := mix(a.key, a.tokens.serial, 8)
	text := fmt.Appendf(nil, "%d_", 10+key%80)
	for n := uint64(0); len(text) < tokenLen; n++ {
		text = letters(text, mix(key, n), min(8, tokenLen-len(text)))
	}
	t := &token{account: a, value: string(text)}
	t.expires.Store(now.Add(a.Behaviour().TokenLife).UnixMilli())
	a.sim.tokens.add(t)
	return t
}

func (b *tokenBook) add(t *token) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]*token{t.value: t}
	if old := b.all.Load(); old != nil {
		for value, o := range *old {
			all[value] = o
		}
	}
	b.all.Store(&all)
}

// IssueToken is what cgi-bin/token does: a new token, and the one before
// lives five minutes more.
func (a *Account) IssueToken() (value string, life time.Duration) {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	now := a.now()
	a.tokens.classic.replace(now.Add(oldTokens))
	a.tokens.classic = a.newToken(now)
	return a.tokens.classic.value, a.Behaviour().TokenLife
}

// ClassicToken is the token that cgi-bin/token gave last, or "".
func (a *Account) ClassicToken() string {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	if a.tokens.classic == nil {
		return ""
	}
	return a.tokens.classic.value
}

// StableToken is what stable_token does: the same token until it has less
// than five minutes left; force makes a new one and kills the old at once.
func (a *Account) StableToken(force bool) (value string, life time.Duration) {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	return a.stableToken(force)
}

func (a *Account) stableToken(force bool) (value string, life time.Duration) {
	now := a.now()
	t := a.tokens.stable
	if force {
		t.replace(now)
	}
	if t == nil || t.check(now.Add(oldTokens)) != 0 || t.dead.Load() != 0 {
		t = a.newToken(now)
		a.tokens.stable = t
	}
	return t.value, time.Duration(t.expires.Load()-now.UnixMilli()) * time.Millisecond
}

// RevokeToken kills both tokens at once, as another program's refresh does.
func (a *Account) RevokeToken() {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	a.tokens.classic.replace(a.now())
	a.tokens.stable.replace(a.now())
}

// ExpireToken makes both tokens run out after d.
func (a *Account) ExpireToken(d time.Duration) {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	for _, t := range []*token{a.tokens.classic, a.tokens.stable} {
		if t != nil {
			t.expires.Store(a.now().Add(d).UnixMilli())
		}
	}
}

// tokenCall answers GET cgi-bin/token.
func (s *Sim) tokenCall(c *call) reply {
	q := c.r.URL.Query()
	if code := c.checkSecret(q.Get("grant_type"), q.Get("secret")); code != 0 {
		return reply{code: code}
	}
	if !c.account.quota.take(&c.account.quota.tokens, tokensPerDay, c.now) {
		return reply{code: 45009}
	}
	value, life := c.account.IssueToken()
	return tokenReply(value, life)
}

// stableCall answers POST stable_token.
func (s *Sim) stableCall(c *call) reply {
	var in struct {
		GrantType string `json:"grant_type"`
		Secret    string `json:"secret"`
		Force     bool   `json:"force_refresh"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return reply{code: 47001}
	}
	if code := c.checkSecret(in.GrantType, in.Secret); code != 0 {
		return reply{code: code}
	}
	a := c.account
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	if in.Force && !a.tokens.mayForce(c.now) {
		return reply{code: 45009}
	}
	return tokenReply(a.stableToken(in.Force))
}

// mayForce counts a force_refresh: 20 a day, at least 30 s apart.
func (t *accountTokens) mayForce(now time.Time) bool {
	if day := dayOf(now); day != t.forcedDay {
		t.forcedDay, t.forcedToday = day, 0
	}
	if t.forcedToday >= 20 || now.Sub(t.forced) < 30*time.Second {
		return false
	}
	t.forcedToday++
	t.forced = now
	return true
}

// checkSecret checks what both token calls want.
func (c *call) checkSecret(grant, secret string) int {
	switch {
	case grant != "client_credential":
		return 40002
	case c.account == nil:
		return 40013
	case secret == "":
		return 41004
	case *c.account.secret.Load() != "" && secret != *c.account.secret.Load():
		return 40125
	}
	return 0
}

func tokenReply(value string, life time.Duration) reply {
	return reply{body: fmt.Appendf(nil, `{"access_token":"%s","expires_in":%d}`, value, int(life/time.Second))}
}
