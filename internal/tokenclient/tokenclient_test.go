package tokenclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// php is a token endpoint in memory.
type php struct {
	mu     sync.Mutex
	asks   []*http.Request
	answer func(n int, r *http.Request) (status int, body string) // n from 1
	delay  time.Duration
	header http.Header
}

func (p *php) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asks = append(p.asks, r)
	n := len(p.asks)
	p.mu.Unlock()
	select {
	case <-time.After(p.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := p.answer(n, r)
	return &http.Response{
		StatusCode: status, Request: r, Header: p.header.Clone(),
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func (p *php) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asks)
}

func (p *php) param(n int, name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asks[n-1].URL.Query().Get(name)
}

// gives answers every ask with a new token: tok1, tok2, …
func gives(n int, _ *http.Request) (int, string) {
	return 200, fmt.Sprintf(`{"access_token":"tok%d","expires_in":7200}`, n)
}

func always(status int, body string) func(int, *http.Request) (int, string) {
	return func(int, *http.Request) (int, string) { return status, body }
}

const key = "KEY-marked-secret"

func client(t *testing.T, p *php) (*Client, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	c, err := New(Options{
		URL: "https://php.example/token.php?site=QUERY-marked-secret", Key: key,
		Transport: p, Seed: 1, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, &log
}

func mustToken(t *testing.T, c *Client, want string) {
	t.Helper()
	if got, err := c.Token(t.Context(), "wx1", 42); err != nil || got != want {
		t.Fatalf("Token: got %q, %v; want %q", got, err, want)
	}
}

func mustPause(t *testing.T, err error, least, most time.Duration) *Unavailable {
	t.Helper()
	var u *Unavailable
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want Unavailable", err)
	}
	if u.RetryAfter < least || u.RetryAfter > most {
		t.Fatalf("retry after %v, want %v to %v", u.RetryAfter, least, most)
	}
	return u
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// inBubble runs a test on synctest's clock with a client of its own.
func inBubble(t *testing.T, p *php, f func(t *testing.T, c *Client, log *bytes.Buffer)) {
	synctest.Test(t, func(t *testing.T) {
		c, log := client(t, p)
		defer c.Close()
		f(t, c, log)
	})
}

func TestClient_AsksOnce(t *testing.T) {
	p := &php{answer: gives, delay: time.Second}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { mustTokenIn(t, c, "tok1") })
		}
		wg.Wait()
		if p.count() != 1 {
			t.Errorf("%d asks, want 1", p.count())
		}
		r := p.asks[0]
		if r.Method != "GET" || p.param(1, "appid") != "wx1" || p.param(1, "actid") != "42" || r.URL.Query().Has("rejected") ||
			p.param(1, "site") != "QUERY-marked-secret" || r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("X-Pushd-Key") != key {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
	})
}

func mustTokenIn(t *testing.T, c *Client, want string) {
	if got, err := c.Token(t.Context(), "wx1", 42); err != nil || got != want {
		t.Errorf("Token: got %q, %v; want %q", got, err, want)
	}
}

func TestClient_RefusedTogether(t *testing.T) {
	p := &php{answer: gives, delay: time.Second}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "tok1")
		c.Worked("wx1", "tok1")
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				got, err := c.Refused(t.Context(), "wx1", 42, "tok1")
				if err != nil || got != "tok2" {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if p.count() != 2 {
			t.Errorf("%d asks, want 2", p.count())
		}
		if got := p.param(2, "rejected"); got != fingerprint("tok1") || len(got) != 16 {
			t.Errorf("rejected = %q", got)
		}
		// A late answer to an old send discards nothing.
		if got, err := c.Refused(t.Context(), "wx1", 42, "tok1"); err != nil || got != "tok2" || p.count() != 2 {
			t.Errorf("late: got %q, %v after %d asks", got, err, p.count())
		}
	})
}

func TestClient_SameTokenAgain(t *testing.T) {
	p := &php{answer: always(200, `{"access_token":"dead","expires_in":7200}`)}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "dead")
		c.Worked("wx1", "dead")
		_, err := c.Refused(t.Context(), "wx1", 42, "dead")
		mustPause(t, err, 5*time.Second, 6*time.Second)
		for range 100 { // no loop, no waiting
			_, err = c.Token(t.Context(), "wx1", 42)
			mustPause(t, err, 5*time.Second, 6*time.Second)
		}
		if p.count() != 2 {
			t.Fatalf("%d asks, want 2", p.count())
		}
		var handedOut int
		for start, pause := time.Now(), 5*time.Second; time.Since(start) < 10*time.Minute; {
			tok, err := c.Token(t.Context(), "wx1", 42)
			if err == nil {
				handedOut++
				tok, err = c.Refused(t.Context(), "wx1", 42, tok)
			}
			if err == nil {
				t.Fatalf("got %q right after it was refused", tok)
			}
			var u *Unavailable
			if errors.As(err, &u); u.RetryAfter < pause-6*time.Second {
				t.Fatalf("pause shrank to %v", u.RetryAfter)
			}
			time.Sleep(u.RetryAfter)
		}
		if handedOut < 1 || handedOut > 10 {
			t.Errorf("the dead token was tried %d times in 10 minutes, want 1 to 10", handedOut)
		}
		if n := p.count(); n > 25 {
			t.Errorf("%d asks in 10 minutes", n)
		}
	})
}

func TestClient_SpuriousRefusalHeals(t *testing.T) {
	p := &php{answer: always(200, `{"access_token":"good","expires_in":7200}`)}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "good")
		start := time.Now()
		_, err := c.Refused(t.Context(), "wx1", 42, "good")
		for err != nil {
			var u *Unavailable
			if !errors.As(err, &u) || time.Since(start) > 3*time.Minute {
				t.Fatal(err)
			}
			time.Sleep(u.RetryAfter)
			_, err = c.Token(t.Context(), "wx1", 42)
		}
		c.Worked("wx1", "good")
		if h := c.Health(); h.Failing != 0 {
			t.Errorf("health: %+v", h)
		}
	})
}

func TestClient_NewTokenRefusedBeforeItWorked(t *testing.T) {
	p := &php{answer: gives}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "tok1")
		pause := 5 * time.Second
		for n := 1; n <= 6; n++ {
			_, err := c.Refused(t.Context(), "wx1", 42, fmt.Sprintf("tok%d", n))
			u := mustPause(t, err, pause, pause*6/5)
			if p.count() != n {
				t.Fatalf("%d asks, want %d", p.count(), n)
			}
			time.Sleep(u.RetryAfter)
			mustToken(t, c, fmt.Sprintf("tok%d", n+1))
			pause = min(2*pause, 50*time.Second)
		}
		// Once one worked, the next refusal is answered at once.
		c.Worked("wx1", "tok7")
		if got, err := c.Refused(t.Context(), "wx1", 42, "tok7"); err != nil || got != "tok8" {
			t.Fatalf("got %q, %v", got, err)
		}
		_, err := c.Refused(t.Context(), "wx1", 42, "tok8")
		mustPause(t, err, 5*time.Second, 6*time.Second)
	})
}

func TestClient_RenewsBesideTheSends(t *testing.T) {
	for _, tc := range []struct {
		name    string
		expires string
		renew   time.Duration
	}{
		{"MaxAge", `7200`, 7000 * time.Second},
		{"NumericString", `"7200"`, 7000 * time.Second},
		{"Unknown", `0`, 7000 * time.Second},
		{"Negative", `-5`, 7000 * time.Second},
		{"Nonsense", `{}`, 7000 * time.Second},
		{"300sLeft", `300`, 200 * time.Second},
		{"720sLeft", `720`, 520 * time.Second},
		{"Tiny", `1`, 40 * time.Second},
		{"Timestamp", `1760000000`, 7000 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &php{delay: 3 * time.Second, answer: func(n int, _ *http.Request) (int, string) {
				return 200, fmt.Sprintf(`{"data":{"accessToken":"tok%d","expiresIn":%s}}`, n, tc.expires)
			}}
			inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
				mustToken(t, c, "tok1")
				time.Sleep(tc.renew - time.Second)
				mustToken(t, c, "tok1")
				synctest.Wait()
				if p.count() != 1 {
					t.Fatalf("asked before its time")
				}
				time.Sleep(2 * time.Second)
				start := time.Now()
				mustToken(t, c, "tok1") // still works
				mustToken(t, c, "tok1")
				if time.Since(start) != 0 {
					t.Errorf("waited %v", time.Since(start))
				}
				time.Sleep(4 * time.Second)
				mustToken(t, c, "tok2")
				if p.count() != 2 || c.Counts().Refreshes[CauseAge] != 1 {
					t.Errorf("%d asks, %+v", p.count(), c.Counts())
				}
			})
		})
	}
}

func TestClient_WaitsOnlyWhenExpired(t *testing.T) {
	p := &php{answer: gives, delay: 3 * time.Second}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "tok1")
		time.Sleep(7200 * time.Second)
		start := time.Now()
		mustToken(t, c, "tok2")
		if time.Since(start) != 3*time.Second || c.Counts().Refreshes[CauseExpired] != 1 {
			t.Errorf("waited %v, %+v", time.Since(start), c.Counts())
		}
	})
}

func TestClient_PHPDownWhileTheTokenWorks(t *testing.T) {
	p := &php{answer: func(n int, r *http.Request) (int, string) {
		if n == 1 {
			return gives(n, r)
		}
		return 500, "down"
	}}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "tok1")
		time.Sleep(7000 * time.Second)
		for range 900 { // beyond its life, which only WeChat can prove
			mustToken(t, c, "tok1")
			c.Worked("wx1", "tok1")
			time.Sleep(time.Second)
		}
		if n := p.count(); n < 15 || n > 25 {
			t.Errorf("%d asks in 15 minutes, want about one a minute", n)
		}
		if h := c.Health(); h.Failing != 1 || !strings.Contains(h.Err, "500") || h.AppID != "wx1" || time.Since(h.Since) < 10*time.Minute {
			t.Errorf("health: %+v", h)
		}
		_, err := c.Refused(t.Context(), "wx1", 42, "tok1")
		mustPause(t, err, 0, time.Minute)
	})
}

func TestClient_RefusedDuringARenewal(t *testing.T) {
	// The renewal by age was asked before the refusal, so PHP, not knowing
	// better, gives the same token: it is asked again at once.
	p := &php{delay: time.Second, answer: func(n int, r *http.Request) (int, string) {
		if r.URL.Query().Get("rejected") != "" {
			return 200, `{"access_token":"new"}`
		}
		return 200, `{"access_token":"old"}`
	}}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		mustToken(t, c, "old")
		c.Worked("wx1", "old")
		time.Sleep(7000 * time.Second)
		mustToken(t, c, "old") // starts the renewal
		synctest.Wait()
		if got, err := c.Refused(t.Context(), "wx1", 42, "old"); err != nil || got != "new" || p.count() != 3 {
			t.Errorf("got %q, %v after %d asks", got, err, p.count())
		}
	})
}

func TestClient_CanceledCallerLeavesTheAsk(t *testing.T) {
	p := &php{answer: gives, delay: 5 * time.Second}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Token(ctx, "wx1", 42); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		mustToken(t, c, "tok1")
		if p.count() != 1 {
			t.Errorf("%d asks, want 1", p.count())
		}
	})
}

func TestClient_Offer(t *testing.T) {
	t.Run("IsCurrentWhenThereIsNone", func(t *testing.T) {
		p := &php{answer: gives}
		inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
			c.Offer("wx1", "posted", 0)
			mustToken(t, c, "posted")
			if p.count() != 0 {
				t.Error("PHP was asked")
			}
		})
	})
	t.Run("IsTriedBeforePHP", func(t *testing.T) {
		p := &php{answer: gives}
		inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
			mustToken(t, c, "tok1")
			c.Worked("wx1", "tok1")
			c.Offer("wx1", "posted", time.Hour)
			mustToken(t, c, "tok1")
			if got, err := c.Refused(t.Context(), "wx1", 42, "tok1"); err != nil || got != "posted" {
				t.Fatalf("got %q, %v", got, err)
			}
			// A bad post costs no pause: PHP was not asked yet.
			if got, err := c.Refused(t.Context(), "wx1", 42, "posted"); err != nil || got != "tok2" {
				t.Fatalf("got %q, %v", got, err)
			}
			c.Offer("wx1", "posted", 0) // known to be refused
			c.Worked("wx1", "tok2")
			if got, err := c.Refused(t.Context(), "wx1", 42, "tok2"); err != nil || got != "tok3" {
				t.Fatalf("got %q, %v", got, err)
			}
		})
	})
	t.Run("EndsAPause", func(t *testing.T) {
		p := &php{answer: always(500, "")}
		inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
			_, err := c.Token(t.Context(), "wx1", 42)
			mustPause(t, err, 5*time.Second, 6*time.Second)
			c.Offer("wx1", "posted", 0)
			mustToken(t, c, "posted")
		})
	})
	t.Run("WakesTheWaiting", func(t *testing.T) {
		p := &php{answer: gives, delay: 8 * time.Second}
		inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
			start := time.Now()
			time.AfterFunc(time.Second, func() { c.Offer("wx1", "posted", 0) })
			mustToken(t, c, "posted")
			if time.Since(start) != time.Second {
				t.Errorf("waited %v", time.Since(start))
			}
			time.Sleep(8 * time.Second)
			mustToken(t, c, "tok1")
		})
	})
	t.Run("SavesWaitingWhenExpired", func(t *testing.T) {
		p := &php{answer: always(500, "")}
		inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
			c.Offer("wx1", "first", 600*time.Second)
			c.Offer("wx1", "second", 7200*time.Second)
			time.Sleep(601 * time.Second)
			mustToken(t, c, "second")
			if p.count() != 0 {
				t.Error("PHP was asked")
			}
		})
	})
	t.Run("NotAToken", func(t *testing.T) {
		p := &php{answer: gives}
		inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
			c.Offer("wx1", "a b", 0)
			c.Offer("wx1", "", 0)
			mustToken(t, c, "tok1")
		})
	})
}

func TestClient_ForgetsIdleAccounts(t *testing.T) {
	p := &php{answer: gives}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		for i := range maxAccounts + 50 {
			c.Offer(fmt.Sprint("wx", i), "posted", 0)
			time.Sleep(time.Millisecond)
		}
		if n := c.Counts().Accounts; n != maxAccounts {
			t.Errorf("%d accounts, want %d", n, maxAccounts)
		}
		time.Sleep(4 * time.Hour)
		mustToken(t, c, "tok1")
		if n := c.Counts().Accounts; n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
	})
}

func TestClient_SlowEndpoint(t *testing.T) {
	p := &php{answer: gives, delay: time.Minute}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		start := time.Now()
		_, err := c.Token(t.Context(), "wx1", 42)
		u := mustPause(t, err, 5*time.Second, 6*time.Second)
		if time.Since(start) != 10*time.Second || u.Error() != "no answer within 10s" {
			t.Errorf("%v after %v", u, time.Since(start))
		}
	})
}

func TestClient_CloseEndsTheAsk(t *testing.T) {
	p := &php{answer: gives, delay: time.Minute}
	inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
		var failed atomic.Bool
		go func() {
			_, err := c.Token(t.Context(), "wx1", 42)
			failed.Store(err != nil)
		}()
		synctest.Wait()
		c.Close()
		synctest.Wait()
		if !failed.Load() {
			t.Error("the caller still waits, or got a token")
		}
		_, err := c.Token(t.Context(), "wx2", 1)
		mustPause(t, err, time.Second, time.Minute)
	})
}

func TestClient_TellsNoSecret(t *testing.T) {
	const token = "TOKEN-marked-secret"
	for name, answer := range map[string]func(int, *http.Request) (int, string){
		"Echo": func(_ int, r *http.Request) (int, string) {
			return 500, fmt.Sprint("<h1>boom</h1> ", r.URL, " ", r.Header.Get("Authorization"), " ", token)
		},
		"Msg":      always(200, `{"code":1,"msg":"no `+token+` for `+key+`"}`),
		"Redirect": always(302, `see `+token),
	} {
		t.Run(name, func(t *testing.T) {
			p := &php{answer: answer}
			inBubble(t, p, func(t *testing.T, c *Client, log *bytes.Buffer) {
				c.Offer("wx1", token, 600*time.Second)
				time.Sleep(10 * time.Minute)
				mustToken(t, c, token) // asks, fails, goes on with the old one
				_, err := c.Refused(t.Context(), "wx1", 42, token)
				u := mustPause(t, err, 0, time.Minute)
				all := fmt.Sprintf("%v %+v %#v %+v %s", err, u, c.Health(), c.Counts(), log)
				if strings.Contains(all, "marked") {
					t.Errorf("told a secret: %s", all)
				}
				if log.Len() == 0 || c.Health().Failing != 1 {
					t.Error("nothing was told at all")
				}
			})
		})
	}
}
