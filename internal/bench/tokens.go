package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"pushd/internal/wechatsim"
)

// tokensRow lets many accounts fall due at once of which none has a token: the
// real token.php, behind a web server with a pool of workers, asks a WeChat
// that takes half a second for each.
func tokensRow(ctx context.Context, s *stage) error {
	crowd := tokenless{accounts: max(20, int(1500*s.scale)), followers: 20, wechat: at(20 * time.Millisecond)}
	return s.withoutTokens(ctx, crowd, func(p *play, php *platformPHP, accounts []*account) error {
		return p.firstTokens(ctx, php, accounts)
	})
}

// tokenTakes is how long the simulated WeChat takes for a token.
const tokenTakes = 500 * time.Millisecond

// tokenless is accounts none of which has a token.
type tokenless struct {
	accounts, followers int
	wechat              wechatsim.Behaviour // of each
	settings            []string            // of PHP
}

// withoutTokens lets f play with accounts that have no token, beside a web server
// with token.php and a WeChat that takes tokenTakes for each.
func (s *stage) withoutTokens(ctx context.Context, t tokenless, f func(*play, *platformPHP, []*account) error) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	p, err := s.play(ctx, "PUSHD_TOKEN_URL=http://"+address+"/token.php")
	if err != nil {
		return err
	}
	defer p.close()
	accounts, err := p.tokenless(ctx, t.accounts, t.followers, t.wechat)
	if err != nil {
		return err
	}
	php, err := s.servePHP(ctx, address, p.database(), t.settings...)
	if err != nil {
		return err
	}
	defer php.close()
	id, err := s.sim.AddFault(ctx, wechatsim.Fault{Path: wechatsim.PathStable, Action: wechatsim.ActDelay, Delay: tokenTakes})
	if err != nil {
		return err
	}
	defer s.sim.ClearFault(context.WithoutCancel(ctx), id)
	return f(p, php, accounts)
}

// firstTokens posts a job of each account, and prints when each had its token.
func (p *play) firstTokens(ctx context.Context, php *platformPHP, accounts []*account) error {
	began := time.Now()
	ids := make([]string, len(accounts))
	if err := each(accounts, 16, func(i int, a *account) error {
		o := a.order()
		o.AccessToken, o.ExpiresIn = "", 0
		j, err := p.Post(ctx, o)
		ids[i] = j.ID
		return err
	}); err != nil {
		return err
	}
	posted := time.Since(began)
	if err := each(accounts, 4, func(i int, a *account) error {
		_, err := await(ctx, p.Client, ids[i])
		return err
	}); err != nil {
		return err
	}
	first := make([]time.Duration, len(accounts))
	var parked int64
	for i, a := range accounts {
		t, err := a.Stats(ctx)
		if err != nil {
			return err
		}
		first[i] = t.FirstSend.Sub(began)
	}
	asks, err := p.metric(ctx, "pushd_token_asks_total")
	if err != nil {
		return err
	}
	failures, err := p.metric(ctx, "pushd_token_failures_total")
	if err != nil {
		return err
	}
	if err := p.sql.QueryRowContext(ctx, "SELECT COUNT(*) FROM pushd_job WHERE epoch > 1").Scan(&parked); err != nil {
		return err
	}
	p.printf("%s; %d accounts, POSTs took %.1f s: last first message after %.1f s, median %.1f s (16 at once without a pause: %.1f s); %.0f asks, %.0f of them gave nothing; %d jobs were claimed more than once\n",
		php.kind, len(accounts), posted.Seconds(), slices.Max(first).Seconds(), median(first).Seconds(),
		(time.Duration(len(accounts)) * tokenTakes / 16).Seconds(), asks, failures, parked)
	return p.crowdAtPHP(ctx, max(20, int(200*p.scale)))
}

// crowdAtPHP lets so many ask token.php at once, without pushd, and looks how
// long another page of the same pool takes meanwhile: with and without a bound
// of those who wait for WeChat.
func (p *play) crowdAtPHP(ctx context.Context, n int) error {
	for _, places := range []int{1000, 16} {
		accounts, err := p.tokenless(ctx, n, 20, at(20*time.Millisecond))
		if err != nil {
			return err
		}
		address, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		php, err := p.servePHP(ctx, address, p.database(), fmt.Sprintf("PUSHD_TOKEN_PARALLEL=%d", places))
		if err != nil {
			return err
		}
		stop := php.watch(ctx)
		began := time.Now()
		var later atomic.Int64
		err = each(accounts, n, func(_ int, a *account) error { return php.insist(ctx, a.appid, &later) })
		took := time.Since(began)
		page, werr := stop()
		if err := errors.Join(err, werr, php.close()); err != nil {
			return err
		}
		p.printf("%d ask token.php at once, token_parallel %d: all answered after %.1f s, %d told to come again; another page of the pool took %v, at most %v\n",
			n, places, took.Seconds(), later.Load(), median(page).Round(time.Millisecond), slices.Max(page).Round(time.Millisecond))
	}
	return nil
}

// watch asks for a page that costs nothing, a refusal, one time after the other.
// stop ends that and says how long each took.
func (w *platformPHP) watch(ctx context.Context) (stop func() ([]time.Duration, error)) {
	ctx, cancel := context.WithCancel(ctx)
	var took []time.Duration
	done := make(chan error, 1)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			began := time.Now()
			_, _, err = w.token(context.WithoutCancel(ctx), "wx", "")
			took = append(took, time.Since(began))
			_ = pause(ctx, 20*time.Millisecond) // ctx is looked at above
		}
		done <- err
	}()
	return func() ([]time.Duration, error) {
		cancel()
		err := <-done
		return took, err
	}
}

// insist asks token.php until it gives a token, and counts in later how often it
// said to come again.
func (w *platformPHP) insist(ctx context.Context, appid string, later *atomic.Int64) error {
	for {
		status, after, err := w.token(ctx, appid, tokenKey)
		switch {
		case err != nil || status == http.StatusOK:
			return err
		case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
			return fmt.Errorf("token.php answers %d", status)
		}
		later.Add(1)
		if err := pause(ctx, after); err != nil {
			return err
		}
	}
}

// token asks token.php once, and says when to come again.
func (w *platformPHP) token(ctx context.Context, appid, key string) (status int, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/token.php?appid="+appid, nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("X-Pushd-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil {
		seconds = 1
	}
	return resp.StatusCode, time.Duration(seconds) * time.Second, resp.Body.Close()
}

// tokenless makes accounts with a secret, for PHP, and PHP's tables.
func (p *play) tokenless(ctx context.Context, n, followers int, b wechatsim.Behaviour) ([]*account, error) {
	schema, err := os.ReadFile(filepath.Join(p.root, "deploy", "php", "schema.sql"))
	if err != nil {
		return nil, err
	}
	if err := p.db.Exec(ctx, p.database(), string(schema)); err != nil {
		return nil, fmt.Errorf("load PHP's tables: %w", err)
	}
	accounts := make([]*account, n)
	for i := range accounts {
		if accounts[i], err = p.account(ctx, followers, b); err != nil {
			return nil, err
		}
	}
	_, err = p.sql.ExecContext(ctx, "UPDATE user_wx_account SET app_secret = 's'")
	return accounts, err
}

// metric reads one metric without labels.
func (d *served) metric(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Client.URL+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}
