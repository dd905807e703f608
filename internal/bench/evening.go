package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// eveningFollowers is how many each channel of an evening has.
const eveningFollowers = 200

// eveningRow lets many channels fall due in one minute: the real cron.php posts
// them, the real token.php gives tokens, and the row says when all are accepted,
// when the last one has its first message, and when all messages are delivered. Once with
// the tokens that cron fetches in the ten minutes before, and once without.
func eveningRow(ctx context.Context, s *stage) error {
	for _, prepared := range []bool{true, false} {
		if err := s.evening(ctx, max(20, int(10_000*s.scale)), prepared); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) evening(ctx context.Context, channels int, prepared bool) error {
	crowd := tokenless{accounts: channels, followers: eveningFollowers, wechat: at(100 * time.Millisecond)}
	if !prepared {
		crowd.settings = []string{"PUSHD_PREFETCH=0"}
	}
	return s.withoutTokens(ctx, crowd, func(p *play, php *platformPHP, accounts []*account) error {
		return p.evening(ctx, php, accounts, prepared)
	})
}

// evening lets the channels of the accounts fall due, and prints how it went.
func (p *play) evening(ctx context.Context, php *platformPHP, accounts []*account, prepared bool) error {
	channels, how := len(accounts), "no tokens at hand"
	if prepared {
		how = "tokens fetched before"
		if err := p.prefetch(ctx, php, channels); err != nil {
			return err
		}
	}
	if err := p.starts(ctx, 20*time.Minute); err != nil { // the reminders are due since ten minutes
		return err
	}
	costs, err := p.costs(php)
	if err != nil {
		return err
	}
	began := time.Now()
	cron, err := p.untilCount(ctx, channels, "SELECT COUNT(*) FROM pushd_job", func() (time.Duration, error) { return php.cron(ctx, p) })
	if err != nil {
		return err
	}
	accepted := time.Since(began)
	if _, err := p.untilCount(ctx, channels, "SELECT COUNT(*) FROM pushd_job WHERE state = 'succeeded'", func() (time.Duration, error) { return 0, pause(ctx, 500*time.Millisecond) }); err != nil {
		return err
	}
	used, err := p.costs(php)
	if err != nil {
		return err
	}
	return p.deliveries(ctx, accounts, fmt.Sprintf("%s, %s: %d channels of %d accepted after %.1f s", php.kind, how, channels, eveningFollowers, accepted.Seconds()),
		began, used.less(costs, cron))
}

// deliveries prints when whom a message reached, after what there is to say already, and
// what it has cost.
func (p *play) deliveries(ctx context.Context, accounts []*account, text string, began time.Time, c costs) error {
	first, last := make([]time.Duration, len(accounts)), make([]time.Duration, len(accounts))
	delivered := int64(0)
	for i, a := range accounts {
		t, err := a.Stats(ctx)
		if err != nil {
			return err
		}
		first[i], last[i] = t.FirstSend.Sub(began), t.LastSend.Sub(began)
		delivered += t.Delivered
	}
	if want := int64(len(accounts) * eveningFollowers); delivered != want {
		return fmt.Errorf("%d delivered of %d", delivered, want)
	}
	all := slices.Max(last)
	p.printf("%s; last first message after %.1f s, median %.1f s; all %d delivered after %.1f s, %.0f messages/s; CPU:%s; load %s\n",
		text, slices.Max(first).Seconds(), median(first).Seconds(), delivered, all.Seconds(), float64(delivered)/all.Seconds(), c.perMessage(delivered), load())
	return nil
}

// prefetch runs cron as it runs in the minutes before the channels are due.
func (p *play) prefetch(ctx context.Context, php *platformPHP, channels int) error {
	// Due in nine minutes: cron looks ten ahead, and needs six for ten thousand.
	if err := p.starts(ctx, 39*time.Minute); err != nil {
		return err
	}
	began, runs := time.Now(), 0
	_, err := p.untilCount(ctx, channels, "SELECT COUNT(*) FROM wx_access_token WHERE access_token <> ''", func() (time.Duration, error) {
		runs++
		return php.cron(ctx, p)
	})
	p.printf("%d tokens fetched by %d runs of cron.php in %.1f s\n", channels, runs, time.Since(began).Seconds())
	return err
}

// starts lets all channels start after a time.
func (p *play) starts(ctx context.Context, after time.Duration) error {
	_, err := p.sql.ExecContext(ctx, "UPDATE activity SET start_time = ?", time.Now().Add(after).Unix())
	return err
}

// untilCount calls f until a count is reached, and returns the sum of what f gives.
func (p *play) untilCount(ctx context.Context, want int, query string, f func() (time.Duration, error)) (sum time.Duration, err error) {
	for end := time.Now().Add(time.Hour); ; {
		var n int
		if err := p.sql.QueryRowContext(ctx, query).Scan(&n); err != nil || n >= want {
			return sum, err
		}
		if time.Now().After(end) {
			return sum, fmt.Errorf("%d of %d after an hour: %s", n, want, query)
		}
		d, err := f()
		if err != nil {
			return sum, err
		}
		sum += d
	}
}

// costs is the CPU time of each program.
type costs struct{ pushd, database, php, wechat time.Duration }

// costs reads what the programs have used so far.
func (p *play) costs(php *platformPHP) (c costs, err error) {
	for _, one := range []struct {
		used *time.Duration
		read func() (time.Duration, error)
	}{
		{&c.pushd, func() (time.Duration, error) { return cpuOf(p.PID()) }},
		{&c.database, func() (time.Duration, error) { return cpuOf(p.db.PID()) }},
		{&c.php, php.cpu},
		{&c.wechat, func() (time.Duration, error) { return cpuOf(p.sim.Pid()) }},
	} {
		if *one.used, err = one.read(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// less is what was used since before, and by cron.
func (c costs) less(before costs, cron time.Duration) costs {
	return costs{c.pushd - before.pushd, c.database - before.database, c.php - before.php + cron, c.wechat - before.wechat}
}

// perMessage words the costs.
func (c costs) perMessage(messages int64) string {
	var b strings.Builder
	for _, one := range []struct {
		who  string
		used time.Duration
	}{{"pushd", c.pushd}, {"mariadbd", c.database}, {"PHP", c.php}, {"simulator", c.wechat}} {
		fmt.Fprintf(&b, " %s %.1f s (%.0f µs a message)", one.who, one.used.Seconds(), float64(one.used.Microseconds())/float64(messages))
	}
	return b.String()
}
