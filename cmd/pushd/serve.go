package main

import (
	"context"
	"log/slog"
	"time"

	"pushd/internal/daemon"
	"pushd/internal/fanout"
	"pushd/internal/store"
	"pushd/internal/tokenclient"
	"pushd/internal/wechat"
)

// serveCmd runs the daemon.
type serveCmd struct {
	Settings `embed:""`
}

// Run implements the command.
func (c *serveCmd) Run(a *app) error {
	if err := a.settled(c.Settings.validate); err != nil {
		return err
	}
	if c.Instance == "" {
		c.Instance = defaultInstance(hostname(), c.Listen)
	}
	log := newLogger(a.stderr, c.Logging)
	a.env.warn(log)
	return serve(a.ctx, c.Settings, log)
}

// serve runs the daemon until ctx is done. What is put together how, and the
// order of a stop, is in internal/daemon.
func serve(ctx context.Context, s Settings, log *slog.Logger) error {
	zone, err := s.Location()
	if err != nil {
		return err
	}
	d, err := daemon.New(ctx, daemon.Config{
		Store: store.Options{
			DSN: string(s.MySQLDSN), ChannelQuery: s.ChannelQuery, StatusUpdate: s.StatusUpdate,
			StatusFailed: s.StatusFailed, Logger: log,
		},
		WeChat: wechat.Options{
			BaseURL: string(s.WeChatURL), AllowPlaintext: s.AllowPlaintext, SendTimeout: s.SendTimeout,
			MaxConns: maxConns(s.Concurrency), UserAgent: "pushd/" + versionNumber(),
		},
		Tokens: tokenclient.Options{
			URL: string(s.TokenURL), Key: string(s.TokenKey), MaxAge: s.TokenMaxAge,
			AllowPlaintext: s.AllowPlaintext, Timeout: 10 * time.Second, Logger: log,
		},
		Engine: fanout.Config{
			Owner: fanout.Owner{Instance: s.Instance}, Concurrency: s.Concurrency, Rate: s.Rate,
			TotalRate: s.TotalRate, MaxJobs: s.MaxJobs, Lease: s.Lease, SendTimeout: s.SendTimeout,
			DedupWindow: s.DedupWindow, Ambiguous: s.Ambiguous, Grace: s.Grace, Retention: s.Retention,
			Location: zone, StatusFailed: s.StatusFailed, Only: s.OnlyOpenIDs.Set(), Point: points(),
		},
		Keys: s.Keys(), Listen: s.Listen, TLSCert: s.TLSCert, TLSKey: s.TLSKey,
		Drain: s.DrainTimeout, Version: versionNumber(), Log: log,
	})
	if err != nil {
		return err
	}
	return d.Run(ctx)
}

// maxConns bounds the connections to WeChat: as many as one account may have
// sends in flight, and room for many accounts at once.
func maxConns(concurrency int) int { return max(concurrency, 4096) }
