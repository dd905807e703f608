// Command wechatsim runs the simulator of WeChat as a process of its own: for
// the crash harness and the benchmarks, and to try pushd by hand. It prints
// its addresses as one line of JSON and serves until it is interrupted.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"pushd/internal/wechatsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "wechatsim:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	listen, control, cert, appid string
	tls, untilStdin              bool
	listeners                    int
	sim                          wechatsim.Options
	account                      wechatsim.AccountOptions
	behaviour                    wechatsim.Behaviour
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{behaviour: wechatsim.Default()}
	f := flag.NewFlagSet("wechatsim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.listen, "listen", "127.0.0.1:0", "`address` of the first listener; further ones take free ports")
	f.StringVar(&s.control, "control", "127.0.0.1:0", "`address` of the remote control")
	f.BoolVar(&s.tls, "tls", false, "serve with TLS")
	f.StringVar(&s.cert, "cert", "", "`file` to write the certificate to, for SSL_CERT_FILE")
	f.IntVar(&s.listeners, "listeners", 1, "how many listeners, for as many daemons")
	f.BoolVar(&s.untilStdin, "until-stdin-closes", false, "end when standard input does")
	f.Uint64Var(&s.sim.Seed, "seed", 1, "what all chance depends on")
	f.BoolVar(&s.sim.Exact, "exact", false, "let latencies end on time, at the cost of some CPU")
	f.StringVar(&s.sim.TokenKey, "token-key", "", "`key` of the PHP token endpoint")
	f.StringVar(&s.appid, "appid", "wx0123456789abcdef", "of the account; empty: none, the remote control makes them")
	f.StringVar(&s.account.Secret, "secret", "", "app secret; empty: any is right")
	f.IntVar(&s.account.Followers, "followers", 1000, "how many follow")
	f.Float64Var(&s.account.Unsubscribed, "unsubscribed", 0, "`share` that answers 43004")
	f.Float64Var(&s.account.Refusing, "refusing", 0, "`share` that answers 43101")
	f.TextVar(&s.behaviour.Latency, "latency", wechatsim.Latency{}, "of sends: 50ms, 80ms-120ms or p50=150ms,p99=2s")
	f.TextVar(&s.behaviour.PageLatency, "page-latency", wechatsim.Latency{}, "of user/get")
	f.TextVar(&s.behaviour.OtherLatency, "other-latency", wechatsim.Latency{}, "of the other calls")
	f.IntVar(&s.behaviour.InFlightLimit, "limit", 0, "sends in flight beyond which -1 is answered; 0: none")
	f.IntVar(&s.behaviour.SendsPerMinute, "per-minute", 0, "sends a minute beyond which 45011 is answered; 0: no bound")
	f.IntVar(&s.behaviour.SendsPerDay, "per-day", 0, "sends a day beyond which 45009 is answered; 0: no bound")
	f.DurationVar(&s.behaviour.DedupWindow, "dedup-window", s.behaviour.DedupWindow, "how long a client_msg_id is recognised")
	f.DurationVar(&s.behaviour.TokenLife, "token-life", s.behaviour.TokenLife, "how long a token lives")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || s.listeners < 1 || s.cert != "" && !s.tls {
		return nil, fmt.Errorf("bad arguments: no operands, at least one listener, -cert only with -tls")
	}
	return s, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	set, err := parse(args, stderr)
	if err != nil {
		return err
	}
	sim := wechatsim.New(set.sim)
	defer sim.Close()
	where, err := set.open(sim)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(where); err != nil {
		return fmt.Errorf("print addresses: %w", err)
	}
	if set.untilStdin {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		go func() {
			io.Copy(io.Discard, stdin)
			stop()
		}()
	}
	<-ctx.Done()
	return nil
}

// open makes the account and opens the listeners.
func (set *settings) open(sim *wechatsim.Sim) (where wechatsim.Addresses, err error) {
	if where.AppID = set.appid; set.appid != "" {
		set.account.Behaviour = &set.behaviour
		sim.Account(set.appid, set.account)
		where.TemplateID = wechatsim.TemplateID(set.appid, 1)
	}
	addr := set.listen
	for range set.listeners {
		listener, err := sim.Listen(addr, set.tls)
		if err != nil {
			return where, err
		}
		where.URLs = append(where.URLs, listener.URL)
		addr = "127.0.0.1:0"
		if set.tls && set.cert != "" {
			if err := listener.WriteCert(set.cert); err != nil {
				return where, err
			}
		}
	}
	where.Cert = set.cert
	where.TokenURL = where.URLs[0] + "/php/token"
	where.Control, err = sim.StartControl(set.control)
	return where, err
}
