// Package daemon puts pushd together from its parts and starts and stops them
// in order. cmd/pushd runs it on MySQL, the demo and the benchmarks on what
// they have; it reads no environment and knows no flags.
//
// The order of a stop, which Run keeps:
//
//  1. /readyz answers 503, so that a proxy sends work to another process
//  2. the engine drains: what is in flight is finished and recorded, leases
//     go back; jobs can be looked at meanwhile, and for a notice (Config.Notice)
//     posted: another process works on them
//  3. no new jobs: POST answers 503
//  4. the API closes
//  5. the receipts that have come are written
//  6. the database closes
package daemon

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/api"
	"pushd/internal/alarm"
	"pushd/internal/console"
	"pushd/internal/control"
	"pushd/internal/fanout"
	"pushd/internal/meter"
	"pushd/internal/metrics"
	"pushd/internal/receipts"
	"pushd/internal/store"
	"pushd/internal/tokenclient"
	"pushd/internal/wechat"
)

// Config is what a daemon is made of.
type Config struct {
	Store   store.Options
	WeChat  wechat.Options
	Tokens  tokenclient.Options
	Engine  fanout.Config // its Ledger, WeChat, Tokens and clock are filled in
	Keys    []pushd.Key   // of the API; none leaves it open
	Brakes  pushd.Brakes  // of channels that have none of their own
	Console bool          // the operator's console at /console/; wants Keys
	Listen  string        // host:port
	TLSCert string        // file, PEM; "" is plain HTTP
	TLSKey  string
	Drain   time.Duration // longest stop
	Hook    alarm.Hook    // where alarms go; without a URL nowhere
	// CallbackSecret is what the tokens of WeChat's callbacks derive from; "" lets
	// no one post a receipt without a key.
	CallbackSecret string
	// Notice is how long a stop goes on taking POSTs, so that a proxy which looks
	// at /readyz has noticed before one is refused.
	Notice  time.Duration
	Version string
	Log     *slog.Logger
	// Settings are the lines by which a support bundle says how pushd is set,
	// without secrets; Recent gives the last lines of the log, or is nil.
	Settings []string
	Recent   func() []byte
	// Ready is called when the API answers and the tables have been looked at,
	// Stopping when a stop has begun; nil = none.
	Ready    func()
	Stopping func()
}

// Daemon is a running pushd.
type Daemon struct {
	c        Config
	store    *store.Store
	wechat   *wechat.Client
	tokens   *tokenclient.Client
	engine   *fanout.Engine
	overdue  overdue
	api      *api.Server
	console  *console.Console // nil = there is none
	server   *http.Server
	listener net.Listener
	schema   *schema
	hour     meter.Hour
	courier  *alarm.Courier // nil = no webhook
	receipts *receipts.Keeper

	certificate certificate
	secrets     Secrets // those in use; of Reload alone

	leaving  atomic.Bool // it is being stopped: no connection is kept
	refusing atomic.Bool // and takes no new jobs
}

// New makes the parts and opens the listener; nothing runs before Run. The
// database need not answer yet.
func New(ctx context.Context, c Config) (*Daemon, error) {
	d := &Daemon{c: c, secrets: Secrets{DSN: c.Store.DSN, Keys: c.Keys, TokenURL: c.Tokens.URL, TokenKey: c.Tokens.Key, Hook: c.Hook, Callback: c.CallbackSecret}}
	d.schema = newSchema()
	c.Store.Denied = d.schema.doubt
	d.certificate.cert, d.certificate.key = c.TLSCert, c.TLSKey
	if c.Store.Location == nil {
		c.Store.Location = c.Engine.Location
	}
	var err error
	if d.store, err = store.Open(ctx, c.Store); err != nil {
		return nil, err
	}
	if d.wechat, err = wechat.New(c.WeChat); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	seed := drawSeed()
	c.Tokens.Seed = seed
	if d.tokens, err = tokenclient.New(c.Tokens); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	c.Engine.Ledger, c.Engine.WeChat, c.Engine.Tokens = dated{d.store, d.tokens.Due}, d.wechat, tokens{d.tokens}
	// An eighth is to spare: a share that has shrunk is given back only as
	// answers come, and meanwhile no send shall wait for a connection.
	c.Engine.Ready = func() bool { return d.schema.wrong() == "" }
	c.Engine.InFlight = c.WeChat.MaxConns * 8 / 9
	c.Engine.Boottime, c.Engine.Log = newBootClock().now, c.Log
	c.Engine.Owner.Boot = strings.ToLower(rand.Text()[:12])
	d.overdue = overdue{count: d.store.Overdue}
	if c.Store.DueList != "" {
		d.overdue.list = d.store.DueBetween
	}
	if c.Store.DueQuery != "" {
		c.Engine.Overdue = d.overdue.before
	}
	c.Engine.Rand = mathrand.New(mathrand.NewPCG(seed, 1))
	d.engine = fanout.New(c.Engine)
	heard := receipts.Options{Ledger: d.store, Ready: c.Engine.Ready, Log: c.Log}
	if c.Store.CallbackQuery != "" {
		heard.Version = d.store.CallbackVersion
	}
	d.receipts = receipts.New(heard)
	if c.Hook.URL != "" {
		d.courier = alarm.New(alarm.Options{Ledger: d.store, Hook: c.Hook, AtRisk: d.engine.AtRisk, Ready: c.Engine.Ready,
			Log: c.Log, Rand: mathrand.New(mathrand.NewPCG(seed, 2))})
	}
	d.server = api.HTTPServer(c.Listen, d.closing(d.handler()), c.Log)
	if d.listener, err = d.listen(ctx); err != nil {
		d.tokens.Close()
		return nil, errors.Join(err, d.store.Close())
	}
	c.Log.Info("pushd listens", "address", d.listener.Addr().String(), "tls", c.TLSCert != "",
		"version", c.Version, "instance", c.Engine.Owner.Instance, "seed", seed)
	if c.Engine.Only != nil {
		c.Log.Warn("staging: only the openids of PUSHD_ONLY_OPENIDS are sent to, everyone else is skipped", "openids", len(c.Engine.Only))
	}
	return d, nil
}

// Addr is where the API listens.
func (d *Daemon) Addr() net.Addr { return d.listener.Addr() }

func (d *Daemon) handler() http.Handler {
	host, _, _ := net.SplitHostPort(d.c.Listen)
	desk := control.Config{
		Workers: d.engine, Account: d.engine.Account(), Tokens: tokens{d.tokens}, Retry: d.engine.Retrier(),
		DedupWindow: d.c.Engine.DedupWindow, Grace: d.c.Engine.Grace, Location: d.c.Engine.Location,
		Rate: d.c.Engine.Rate, TotalRate: d.c.Engine.TotalRate, Brakes: d.c.Brakes,
	}
	controller := control.NewController(d.store, desk)
	d.overdue.braked = controller.Braked
	d.api = api.New(api.Options{
		Host: host, Unready: d.unready, Down: d.store.Down, Denied: d.store.Denied,
		Control: controller, Jobs: d.store, Composer: control.NewComposer(d.store, desk),
		Receipts: d.receipts.Take, CallbackSecret: d.c.CallbackSecret,
		DropRefusal: d.store.DropRefusal,
		Sources: metrics.Sources{
			Health: d.health, Stats: d.engine.Stats, Tokens: d.tokenStats, ReceiptStats: d.receipts.Stats, OnlyOpenIDs: len(d.c.Engine.Only),
			Overview: d.engine.Overview, Overdue: d.engine.Overdue, Webhook: d.messages, CertificateEnd: d.certificate.ends,
		},
		Heartbeat: d.store.Heartbeat,
		Keys:      d.c.Keys, Draining: d.refusing.Load, Live: d.engine.Rate,
		Version: d.c.Version, Logger: d.c.Log,
	})
	if !d.c.Console || len(d.c.Keys) == 0 {
		return d.api
	}
	d.console = console.New(console.Options{
		API: d.api.Quiet(), Keys: d.c.Keys, Location: d.c.Engine.Location,
		Version: d.c.Version, Instance: d.c.Engine.Owner.Instance, Logger: d.c.Log,
		Token: d.token, Overdue: d.engine.Overdue, Hour: d.lastHour, Due: d.dueList(), Settings: d.c.Settings, Recent: d.c.Recent,
	})
	all := http.NewServeMux()
	all.Handle("/", d.api)
	all.Handle(console.Root, d.console)
	return all
}

// token says what is known of an account's token.
func (d *Daemon) token(appID string) (console.Token, bool) {
	v, ok := d.tokens.Look(appID)
	return console.Token{Age: v.Age, Rest: v.Rest, Error: v.Err, Since: v.Since}, ok
}

func (d *Daemon) listen(ctx context.Context) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", d.c.Listen)
	if err != nil || d.c.TLSCert == "" {
		return l, err
	}
	if _, err := d.certificate.read(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return tls.NewListener(l, &tls.Config{GetCertificate: d.certificate.get, MinVersion: tls.VersionTLS12}), nil
}

// Run works until ctx ends, and then stops in order. It returns nil after an
// orderly stop.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.first(ctx)
	served := make(chan error, 1)
	go func() {
		served <- d.server.Serve(d.listener)
		cancel() // an API that can't be reached is no daemon
	}()
	if d.c.Ready != nil && ctx.Err() == nil {
		d.c.Ready()
	}
	var others, last sync.WaitGroup
	others.Go(func() { d.schema.watch(ctx, d.store, d.c.Log) })
	others.Go(func() { d.count(ctx) })
	if d.courier != nil {
		others.Go(func() { d.courier.Run(ctx) })
	}
	// Receipts come for as long as the API is there, and the last are written when it
	// is not.
	keeping, kept := context.WithCancel(context.WithoutCancel(ctx))
	last.Go(func() { d.receipts.Run(keeping) })
	others.Go(func() {
		<-ctx.Done()
		if d.c.Stopping != nil {
			d.c.Stopping()
		}
		d.notice()
	})
	err := d.engine.Run(ctx, d.c.Drain)
	others.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // stopped before the database had answered once
	}
	down, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	if serr := d.server.Shutdown(down); serr != nil {
		err = errors.Join(err, d.server.Close())
	}
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the API: %w", serr))
	}
	kept()
	last.Wait()
	d.tokens.Close()
	d.wechat.Close()
	return errors.Join(err, d.store.Close())
}

// notice lets a proxy notice that this process stops. Whoever has a connection
// has to take another one, which the proxy gives to another process.
func (d *Daemon) notice() {
	d.leaving.Store(true)
	time.Sleep(d.c.Notice)
	d.refusing.Store(true)
}

// closing tells clients of a process that stops to keep no connection.
func (d *Daemon) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// first looks at the tables and at the ledger before anybody asks, for as long
// as it may keep them waiting, so that the first request is not refused for
// nothing.
func (d *Daemon) first(ctx context.Context) {
	d.schema.first(ctx, d.store)
	if d.schema.wrong() != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, schemaSoon)
	defer cancel()
	if err := d.engine.Look(ctx); err != nil {
		d.c.Log.Warn("the ledger's counter can't be looked at yet", "err", err)
	}
}

func drawSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
