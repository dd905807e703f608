package wechatsim_test

import (
	"context"
	"fmt"
	"time"

	"pushd/internal/wechatsim"
)

// A test opens a listener for each daemon, lets things go wrong, waits for events
// and judges by the report.
func Example() {
	sim := wechatsim.New(wechatsim.Options{Seed: 1, TokenKey: "key of the PHP endpoint"})
	defer sim.Close()
	acct := sim.Account("wx0123456789abcdef", wechatsim.AccountOptions{Followers: 25_000, Unsubscribed: 0.01})
	acct.Tune(func(b *wechatsim.Behaviour) {
		b.Latency = wechatsim.Uniform(80*time.Millisecond, 120*time.Millisecond)
		b.InFlightLimit = 400
	})
	// 5 % answer -1, and half of those were accepted all the same.
	sim.Faults.Add(wechatsim.Fault{
		Path: wechatsim.PathSend, Share: 0.05, Action: wechatsim.ActCode, Code: -1, Accept: 0.5,
	})
	listener, err := sim.StartTLS() // listener.URL, listener.WriteCert for SSL_CERT_FILE
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = listener.URL + "/php/token" // PUSHD_TOKEN_URL

	// A test would wait longer, for a daemon to send.
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(acct.WaitSends(ctx, 1))
	r := acct.Report("the job's id")
	fmt.Println(r.Followers, r.Once, r.More, r.Missing+r.Refusing, r.Complete())
	// Output:
	// context deadline exceeded
	// 25000 0 0 25000 false
}
