package wechatsim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// TokenShape is how the PHP token endpoint spells its answer.
type TokenShape string

// The four spellings that pushd's contract allows.
const (
	ShapeSnake     TokenShape = ""
	ShapeCamel     TokenShape = "camel"
	ShapeData      TokenShape = "data"
	ShapeDataCamel TokenShape = "data_camel"
)

// PHPStats counts the questions to the PHP token endpoint about one account.
type PHPStats struct {
	Calls         int64
	Unauthorized  int64 // without the right key
	Rejecting     int64 // with the parameter "rejected"
	Dropped       int64 // those that made it drop its token
	Concurrent    int   // being answered now
	MaxConcurrent int
	MinSpacing    time.Duration // between two questions; 0 before the second
	Times         []time.Time   // of the last hundred questions
	ActIDs        []string      // what they said as actid
}

// phpBook is the cache of the PHP host and its counters, by appid.
type phpBook struct {
	mu    sync.Mutex
	hosts map[string]*phpHost
}

type phpHost struct {
	stats    PHPStats
	value    string // the cached token
	expires  time.Time
	given    string // the last one that was given
	givenFor time.Time
}

// TokenEndpoint is the platform's token endpoint: GET with appid, actid and
// rejected. It keeps a stable token until that has five minutes left, and
// drops it when it is the rejected one.
func (s *Sim) TokenEndpoint() http.Handler { return http.HandlerFunc(s.servePHP) }

// PHP returns the counters of the token endpoint for an appid.
func (s *Sim) PHP(appid string) PHPStats {
	s.php.mu.Lock()
	defer s.php.mu.Unlock()
	t := s.php.host(appid).stats
	t.Times = append([]time.Time(nil), t.Times...)
	t.ActIDs = append([]string(nil), t.ActIDs...)
	return t
}

// host is called with the lock held.
func (b *phpBook) host(appid string) *phpHost {
	if b.hosts == nil {
		b.hosts = make(map[string]*phpHost)
	}
	if b.hosts[appid] == nil {
		b.hosts[appid] = &phpHost{}
	}
	return b.hosts[appid]
}

func (s *Sim) servePHP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	appid, now := q.Get("appid"), s.Now()
	s.php.arrive(appid, q.Get("actid"), now)
	defer s.php.leave(appid)
	a := s.Find(appid)
	if a != nil {
		a.counters.change(func(t *Stats) { t.PHPCalls++ })
	}
	fault, delay := s.Faults.pick(request{path: PathPHP, appid: appid, now: now})
	rep := s.askPHP(r, a, fault, now)
	if !s.pause(r.Context(), delay) {
		panic(http.ErrAbortHandler)
	}
	if fault != nil && fault.Action != ActOldToken && fault.Action != ActExpires {
		s.misbehave(w, r, fault, rep.body, now, s.serial.Add(1))
		return
	}
	rep.write(w, now, s.serial.Add(1))
}

func (b *phpBook) arrive(appid, actid string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &b.host(appid).stats
	if n := len(t.Times); n > 0 {
		if gap := now.Sub(t.Times[n-1]); t.Calls == 1 || gap < t.MinSpacing {
			t.MinSpacing = gap
		}
	}
	t.Calls++
	t.Concurrent++
	t.MaxConcurrent = max(t.MaxConcurrent, t.Concurrent)
	t.Times, t.ActIDs = append(t.Times, now), append(t.ActIDs, actid)
	if len(t.Times) > 100 {
		t.Times, t.ActIDs = t.Times[1:], t.ActIDs[1:]
	}
}

func (b *phpBook) leave(appid string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.host(appid).stats.Concurrent--
}

// askPHP works out the answer.
func (s *Sim) askPHP(r *http.Request, a *Account, fault *rule, now time.Time) reply {
	q := r.URL.Query()
	s.php.mu.Lock()
	defer s.php.mu.Unlock()
	host := s.php.host(q.Get("appid"))
	if !s.mayAskPHP(r) {
		host.stats.Unauthorized++
		return reply{body: []byte(`{"code":401,"msg":"the key is wrong"}`), http: http.StatusUnauthorized}
	}
	if r.Method != http.MethodGet {
		return reply{body: []byte(`{"code":405,"msg":"GET only"}`), http: http.StatusMethodNotAllowed}
	}
	if a == nil {
		return reply{body: []byte(`{"code":1,"msg":"no such account"}`)}
	}
	rejected := q.Get("rejected")
	if rejected != "" {
		host.stats.Rejecting++
	}
	if fault != nil && fault.Action == ActOldToken && host.given != "" {
		return s.phpToken(host.given, int(host.givenFor.Sub(now)/time.Second))
	}
	if rejected != "" && host.value != "" && rejected == fingerprint(host.value) {
		host.stats.Dropped++
		host.value = ""
	}
	if host.value == "" || host.expires.Sub(now) < oldTokens {
		value, life := a.StableToken(false)
		host.value, host.expires = value, now.Add(life)
	}
	if fault == nil || fault.Action == ActExpires {
		host.given, host.givenFor = host.value, host.expires
	}
	left := int(host.expires.Sub(now) / time.Second)
	if fault != nil && fault.Action == ActExpires {
		left = fault.ExpiresIn
	}
	return s.phpToken(host.value, left)
}

// mayAskPHP checks the key in either header: Apache drops the first.
func (s *Sim) mayAskPHP(r *http.Request) bool {
	if s.opts.TokenKey == "" {
		return true
	}
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key = r.Header.Get("X-Pushd-Key")
	}
	return subtle.ConstantTimeCompare([]byte(key), []byte(s.opts.TokenKey)) == 1
}

func (s *Sim) phpToken(value string, left int) reply {
	format := map[TokenShape]string{
		ShapeSnake:     `{"access_token":"%s","expires_in":%d}`,
		ShapeCamel:     `{"accessToken":"%s","expiresIn":%d}`,
		ShapeData:      `{"code":0,"msg":"ok","data":{"access_token":"%s","expires_in":%d}}`,
		ShapeDataCamel: `{"code":0,"data":{"accessToken":"%s","expiresIn":%d}}`,
	}[s.opts.TokenShape]
	return reply{body: fmt.Appendf(nil, format, value, left)}
}

// fingerprint is how pushd names a token without telling it.
func fingerprint(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:8])
}
