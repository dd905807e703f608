package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"pushd"
	"pushd/internal/daemon"
	"pushd/internal/fanout"
	"pushd/internal/housekeeping"
	"pushd/internal/settings"
	"pushd/internal/store"
	"pushd/internal/systemd"
	"pushd/internal/tokenclient"
	"pushd/internal/wechat"
)

// serveCmd runs the daemon.
type serveCmd struct {
	settings.Settings `embed:""`
	// Hold is no setting: one that was left in the environment would hold the
	// jobs again at every restart.
	Hold bool `help:"After a restore: hold all jobs that have not ended, as if the ledger was known to have gone back, until a person resumes or cancels each."`
}

// Run implements the command.
func (c *serveCmd) Run(a *app) error {
	if err := a.settled(c.Settings.Validate); err != nil {
		return err
	}
	if c.Instance == "" {
		c.Instance = settings.DefaultInstance(hostname(), c.Listen)
	}
	var kept recent
	log := newLogger(a.stderr, c.Logging, &kept)
	a.env.Warn(log)
	if c.StateDir == "" {
		log.Warn(settings.NoStateDir)
	}
	manager := systemd.NewManager(log)
	d, err := newDaemon(a.ctx, c.Settings, c.Hold, log, &kept, manager)
	if err != nil && a.ctx.Err() != nil {
		log.Info("stopped before it was up")
		return nil
	}
	if err != nil {
		return err
	}
	beside, end := context.WithCancel(context.WithoutCancel(a.ctx))
	var loops sync.WaitGroup
	loops.Go(func() { manager.Watch(beside, d.Alive) })
	loops.Go(func() {
		for {
			select {
			case <-beside.Done():
				return
			case <-a.heard.reload:
				manager.Reloading()
				manager.Status(a.reload(beside, d, c.Instance, log))
				manager.Ready()
			case <-a.heard.dump:
				where, err := writeGoroutines(c.StateDir, a.stderr)
				if err != nil {
					log.Error("goroutines not written", "err", err)
					continue
				}
				log.Info("goroutines written", "file", where)
			}
		}
	})
	err = d.Run(a.ctx)
	end()
	loops.Wait()
	return err
}

// newDaemon makes the daemon of the settings. What is put together how, and the
// order of a stop, is in internal/daemon.
func newDaemon(ctx context.Context, s settings.Settings, hold bool, log *slog.Logger, kept *recent, manager systemd.Manager) (*daemon.Daemon, error) {
	if os.Getenv("GOGC") == "" {
		// A send leaves hardly any garbage, so that collecting twice as often
		// costs next to nothing; but the peak of a walk is lower.
		debug.SetGCPercent(50)
	}
	zone, err := s.Location()
	if err != nil {
		return nil, err
	}
	conns := maxConns(s.Concurrency, openFiles())
	if conns < s.Concurrency {
		log.Warn("the limit of open files is too low for PUSHD_CONCURRENCY; raise it (LimitNOFILE=, ulimit -n)", "connections", conns)
	}
	counter, err := counterStore(s)
	if err != nil {
		return nil, err
	}
	return daemon.New(ctx, daemon.Config{
		Store: store.Options{
			DSN: string(s.MySQLDSN), Queries: s.Queries(), StatusFailed: s.StatusFailed, Logger: log,
		},
		WeChat: wechat.Options{
			BaseURL: string(s.WeChatURL), AllowPlaintext: s.AllowPlaintext, SendTimeout: s.SendTimeout,
			MaxConns: conns, UserAgent: "pushd/" + versionNumber(),
		},
		Tokens: tokenclient.Options{
			URL: string(s.TokenURL), Key: string(s.TokenKey), MaxAge: s.TokenMaxAge,
			AtOnce: s.TokenConcurrency, AllowPlaintext: s.AllowPlaintext, Timeout: 10 * time.Second, Logger: log,
		},
		Engine: fanout.Config{
			Owner: pushd.Owner{Instance: s.Instance}, Concurrency: s.Concurrency, Rate: s.Rate,
			TotalRate: s.TotalRate, MaxJobs: s.MaxJobs, Lease: s.Lease, SendTimeout: s.SendTimeout,
			DedupWindow: s.DedupWindow, Ambiguous: s.Ambiguous, Grace: s.Grace, Retention: s.Retention, JobRetention: s.JobRetention, RefusalMemory: s.RefusalMemory, Quiet: *s.Brakes().Quiet,
			Location: zone, StatusFailed: s.StatusFailed, Only: s.OnlyOpenIDs.Set(), Point: points(),
			Counter: counter, Hold: hold,
		},
		Brakes: s.Brakes(), Keys: s.Keys(), Console: s.Console == "on", Listen: s.Listen, TLSCert: s.TLSCert, TLSKey: s.TLSKey,
		Hook: s.Hook(s.Instance), CallbackSecret: string(s.CallbackSecret),
		Drain: s.DrainTimeout, Notice: notice, Version: versionNumber(), Log: log, Settings: s.Shown(), Recent: kept.text,
		Ready: manager.Ready, Stopping: manager.Stopping,
	})
}

// counterStore is where the ledger's counter is kept; nil if nowhere.
func counterStore(s settings.Settings) (housekeeping.CounterStore, error) {
	if s.StateDir == "" {
		return nil, nil
	}
	return daemon.OpenState(s.StateDir)
}

// notice is how long a proxy has to see at /readyz that pushd stops.
const notice = time.Second

const (
	manyConns  = 4608 // for 4,096 sends; some 150 MB, see docs/performance.md
	otherFiles = 256  // the API's, the database's, PHP's
)

// maxConns bounds the connections to WeChat, which the accounts share fairly:
// as many as one account may have sends in flight and an eighth to spare, and
// room for many accounts at once; but no more than the process may open files
// (0: any number).
func maxConns(concurrency int, files uint64) int {
	n := max(concurrency+concurrency/8, manyConns)
	if files > 0 && files < uint64(n+otherFiles) {
		n = max(int(files)-otherFiles, 8)
	}
	return n
}
