package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/settings"
)

// healthcheckPatience is how long the pushd that is asked may take. Docker
// gives a check 30 s, Kubernetes one; whoever is this slow is not well.
const healthcheckPatience = 5 * time.Second

// healthcheckCmd asks the pushd that has the same settings how it does. An image
// made from scratch has no curl, and a check shall follow PUSHD_LISTEN.
type healthcheckCmd struct {
	settings.Listening `embed:""`
}

// Run implements the command. Degraded is healthy: what ails then goes on by
// itself or waits for others, and a restart does not help.
func (c *healthcheckCmd) Run(a *app) error {
	if err := a.settled(c.Listening.Validate); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, healthcheckPatience)
	defer cancel()
	api := near(c.Listening)
	defer api.HTTP.CloseIdleConnections()
	h, err := api.Health(ctx)
	if err != nil {
		fmt.Fprintf(a.stderr, "pushd: %v\n", err)
		return errSilent // Docker knows 0 and 1
	}
	fmt.Fprintln(a.stdout, h.Status)
	if h.Status == pushd.Down {
		return errSilent
	}
	return nil
}

// near is a client of the pushd on this machine. It does not verify the
// certificate, which is made out to the name that others call: nothing secret
// is sent, for /healthz is open, and the address is this machine's own.
func near(l settings.Listening) client.Client {
	scheme := "http://"
	transport := &http.Transport{}
	if l.TLS() {
		scheme = "https://"
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	return client.Client{URL: scheme + dialable(l.Listen), HTTP: &http.Client{Transport: transport}}
}

// dialable is the address at which a listener of this machine is reached: of
// one that listens everywhere, loopback.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // of [::], too: Go listens on both kinds
	}
	return net.JoinHostPort(host, port)
}
