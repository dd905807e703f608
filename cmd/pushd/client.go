package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"pushd/api/client"
	"pushd/internal/settings"
)

// dial makes the client of a job command; it does not call yet. Who is done
// with it closes the idle connections of its HTTP.
func dial(r settings.Remote, a *app) (client.Client, error) {
	if err := a.settled(r.Validate); err != nil {
		return client.Client{}, err
	}
	return newClient(r)
}

func newClient(r settings.Remote) (client.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 5 * time.Second}
	if r.CA != "" {
		pem, err := os.ReadFile(r.CA)
		if err != nil {
			return client.Client{}, fmt.Errorf("read certificates: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return client.Client{}, fmt.Errorf("read certificates: none in %s", r.CA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return client.Client{
		URL: string(r.Server), Key: r.FirstKey(), HTTP: &http.Client{Transport: transport, Timeout: 15 * time.Second},
	}, nil
}

// withAdvice adds to a refusal what to do about it on this command line.
func withAdvice(err error) error {
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Status != http.StatusUnauthorized {
		return err
	}
	advised := *p
	advised.Detail = cmp.Or(p.Detail, p.Title) + "; set --api-key or PUSHD_API_KEY"
	return &advised
}
