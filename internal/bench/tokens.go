package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"pushd/internal/wechatsim"
)

// tokensRow lets many accounts fall due at once of which none has a token: the
// real token.php, behind a web server with a pool of workers, asks a WeChat
// that takes half a second for each.
func tokensRow(ctx context.Context, s *stage) error {
	const wechat = 500 * time.Millisecond
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	p, err := s.play(ctx, "PUSHD_TOKEN_URL=http://"+address+"/token.php")
	if err != nil {
		return err
	}
	defer p.close()
	accounts, err := p.tokenless(ctx, max(20, int(1500*s.scale)))
	if err != nil {
		return err
	}
	php, err := s.servePHP(ctx, address, p.database())
	if err != nil {
		return err
	}
	defer php.close()
	id, err := s.sim.AddFault(ctx, wechatsim.Fault{Path: wechatsim.PathStable, Action: wechatsim.ActDelay, Delay: wechat})
	if err != nil {
		return err
	}
	defer s.sim.ClearFault(context.WithoutCancel(ctx), id)

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
	s.printf("%s; %d accounts, POSTs took %.1f s: last first message after %.1f s, median %.1f s (16 at once without a pause: %.1f s); %.0f asks, %.0f of them gave nothing; %d jobs were claimed more than once\n",
		php.kind, len(accounts), posted.Seconds(), slices.Max(first).Seconds(), median(first).Seconds(),
		(time.Duration(len(accounts)) * wechat / 16).Seconds(), asks, failures, parked)
	return nil
}

// tokenless makes accounts with a secret, for PHP, and PHP's tables.
func (p *play) tokenless(ctx context.Context, n int) ([]*account, error) {
	schema, err := os.ReadFile(filepath.Join(p.root, "deploy", "php", "schema.sql"))
	if err != nil {
		return nil, err
	}
	if err := p.db.Exec(ctx, p.database(), string(schema)); err != nil {
		return nil, fmt.Errorf("load PHP's tables: %w", err)
	}
	accounts := make([]*account, n)
	for i := range accounts {
		if accounts[i], err = p.account(ctx, 20, at(20*time.Millisecond)); err != nil {
			return nil, err
		}
	}
	_, err = p.sql.ExecContext(ctx, "UPDATE user_wx_account SET app_secret = 's'")
	return accounts, err
}

// metric reads one metric without labels.
func (p *play) metric(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Client.URL+"/metrics", nil)
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
