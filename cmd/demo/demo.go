package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"pushd/api/client"
	"pushd/internal/daemon"
	"pushd/internal/mariadb"
	"pushd/internal/progress"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// How the simulated account is: what one can watch. It serves so many sends at
// once and answers the others "system busy"; pushd does not know that, and finds the
// speed by itself.
const (
	appID        = "wxdemo0000000001"
	actID        = 42
	unsubscribed = 0.01
	latencyLow   = 40 * time.Millisecond
	latencyHigh  = 80 * time.Millisecond
	atOnce       = 80
	startsIn     = 30 * time.Minute
	unreached    = 0.02 // of the accepted messages, by their receipts
	callbackKey  = "demo-callback-secret"
)

// errWrong says that the sums do not add up.
var errWrong = errors.New("something does not add up")

// show is one demonstration: the rig it runs on, and what was seen so far.
type show struct {
	*rig.Rig
	out      io.Writer
	bar      *progress.Bar
	account  *wechatsim.Account
	status   int       // live_notify_status when last looked at
	posted   time.Time // when the POST had been answered
	revoked  bool
	since    time.Time // when it was
	replaced bool
}

// demo sets everything up, runs the job and judges it.
func demo(ctx context.Context, o options, out io.Writer, log *slog.Logger) (err error) {
	r, stop, err := setUp(ctx, o, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s := &show{Rig: r, out: out, bar: &progress.Bar{W: out, Terminal: terminal(out)}}
	s.openAccount(o)
	s.receive()
	h, err := s.startHost(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	s.addresses(o, h)
	job, err := s.perform(ctx)
	s.bar.Close()
	if err != nil {
		return err
	}
	job, said, err := s.awaitReceipts(ctx, job)
	if err != nil {
		return err
	}
	err = s.judge(job, said)
	if o.keep {
		err = errors.Join(err, s.goOn(ctx, job, h))
	}
	return err
}

// goOn leaves everything running until ctx ends: cron posts what is due, and
// phones play the followers.
func (s *show) goOn(ctx context.Context, job client.Job, h *host) (err error) {
	if h.missing != "" {
		s.hints(job)
		<-ctx.Done()
		return nil
	}
	p, err := s.startPhones(ctx)
	if err != nil {
		return err
	}
	defer func() {
		s.account.SetCallback(nil)
		err = errors.Join(err, p.stop())
	}()
	if err := s.connect(ctx, h, p); err != nil {
		return err
	}
	s.hints(job)
	s.tour(h, p)
	return h.cron(ctx)
}

// connect does what an owner does in WeChat's console: it enters the address
// and the token of the callback.
func (s *show) connect(ctx context.Context, h *host, p *phones) error {
	o, err := h.login(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	var settings struct {
		Callback struct{ URL, Token string }
	}
	if err := o.call(ctx, "/settings", nil, &settings); err != nil {
		return err
	}
	s.account.SetCallback(&wechatsim.Callback{
		URL: settings.Callback.URL, Token: settings.Callback.Token, JobFinish: true, Workers: 2, Reply: p.answered,
	})
	return s.account.VerifyCallback(ctx)
}

// setUp starts the rig, and the server it is to run on.
func setUp(ctx context.Context, o options, log *slog.Logger) (*rig.Rig, func() error, error) {
	ro := rig.Options{Seed: o.seed, Log: log}
	if o.mariadb {
		schema, err := os.ReadFile("deploy/schema.sql")
		if err != nil {
			return nil, nil, fmt.Errorf("read the platform's tables (start the demo at the root of the repository): %w", err)
		}
		ro.Schema = string(schema)
		if ro.Server, err = mariadb.Start(ctx); err != nil {
			return nil, nil, err
		}
	}
	stopServer := func() error {
		if ro.Server == nil {
			return nil
		}
		return ro.Server.Stop()
	}
	ro.Change = func(c *daemon.Config) { c.Store.AudienceQuery, c.CallbackSecret = subscribers, callbackKey }
	r, err := rig.New(ctx, ro)
	if err != nil {
		return nil, nil, errors.Join(err, stopServer())
	}
	return r, func() error { return errors.Join(r.Close(), stopServer()) }, nil
}

// openAccount makes the account with its followers.
func (s *show) openAccount(o options) {
	b := wechatsim.Default()
	b.Latency, b.InFlightLimit = wechatsim.Uniform(latencyLow, latencyHigh), atOnce
	s.account = s.Sim.Account(appID, wechatsim.AccountOptions{
		Followers: o.followers, Unsubscribed: unsubscribed, Behaviour: &b,
	})
}

// perform posts the job and shows it until it has ended and the status column
// says so.
func (s *show) perform(ctx context.Context) (client.Job, error) {
	c := rig.Channel{ActID: actID, AppID: appID, Start: time.Now().Add(startsIn)}
	if err := s.AddChannel(ctx, c); err != nil {
		return client.Job{}, err
	}
	if err := s.openGate(ctx); err != nil {
		return client.Job{}, err
	}
	fmt.Fprintf(s.out, "Channel %d starts in %d minutes.  live_notify_status = %d\n", actID, int(startsIn.Minutes()), s.status)
	job, err := s.Post(ctx, c)
	if err != nil {
		return job, err
	}
	s.posted = time.Now()
	fmt.Fprintf(s.out, "POST /v1/jobs {actid, appid, secret, accessToken}  ->  202, job %s\n", job.ID)
	return s.watch(ctx, job.ID)
}

// watch looks at the job ten times a second and draws it as often as a reader
// can follow.
func (s *show) watch(ctx context.Context, id string) (client.Job, error) {
	every := 2 * time.Second
	if s.bar.Terminal {
		every = 200 * time.Millisecond
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for drawn := (time.Time{}); ; {
		job, err := s.Await(ctx, id, func(client.Job) bool { return true })
		if err != nil {
			return job, err
		}
		if err := s.look(ctx, job); err != nil {
			return job, err
		}
		if now := time.Now(); job.Ended() || now.Sub(drawn) >= every {
			s.bar.Draw(job, now)
			drawn = now
		}
		if job.Ended() {
			return job, s.look(ctx, job)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return job, ctx.Err()
		}
	}
}

// look tells of what has changed: the status column, and the token, which is
// revoked when two fifths have the message.
func (s *show) look(ctx context.Context, job client.Job) error {
	status, err := s.Status(ctx, actID)
	if err != nil {
		return err
	}
	if status != s.status {
		s.bar.Note(fmt.Sprintf("live_notify_status %d -> %d", s.status, status))
		s.status = status
	}
	if !s.revoked && !job.Ended() && job.Total != nil && job.Sent*5 > *job.Total*2 {
		s.account.RevokeToken()
		s.revoked, s.since = true, time.Now()
		s.bar.Note("The access token is revoked, as a refresh by another program does it ...")
	}
	if s.revoked && !s.replaced && s.Sim.PHP(appID).Rejecting > 0 {
		s.replaced = true
		s.bar.Note("... pushd has asked PHP's token endpoint for another one and goes on.")
	}
	return nil
}

// subscribers lists those who asked for a channel's stream on the sample host.
const subscribers = "SELECT openid FROM host_subscriber WHERE act_id = ? AND openid > ? AND left_at = 0 ORDER BY openid LIMIT ?"
