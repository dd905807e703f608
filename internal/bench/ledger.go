package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"pushd/api/client"
	"pushd/internal/daemon"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// ledgerRow runs pushd in this process under the profiler, and asks the
// database what it was asked. The profile stays, for go tool pprof.
func ledgerRow(ctx context.Context, s *stage) error {
	people := s.many(100_000)
	r, err := s.rig(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	s.next++
	c := rig.Channel{ActID: int64(s.next), AppID: fmt.Sprintf("wxbench%d", s.next)}
	b := at(20 * time.Millisecond)
	a, err := s.sim.AddAccount(ctx, c.AppID, wechatsim.AccountOptions{Followers: people, Behaviour: &b})
	if err != nil {
		return err
	}
	token, err := a.IssueToken(ctx)
	if err != nil {
		return err
	}
	if err := r.AddChannel(ctx, c); err != nil {
		return err
	}
	before, err := counted(ctx, r.DB)
	if err != nil {
		return err
	}
	profile, err := os.Create(filepath.Join(os.TempDir(), "pushd-bench-cpu.pprof"))
	if err != nil {
		return err
	}
	defer profile.Close()
	if err := pprof.StartCPUProfile(profile); err != nil {
		return err
	}
	err = runJob(ctx, r, c, token)
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	after, err := counted(ctx, r.DB)
	if err != nil {
		return err
	}
	share, err := shareOf(ctx, profile.Name(), "pushd/internal/store.")
	if err != nil {
		return err
	}
	n := float64(people)
	s.printf("the ledger's share of CPU: %.1f %%  (profile: %s)\n", 100*share, profile.Name())
	s.printf("per 1,000 messages: %.1f statements (%.1f writing); per message: %.0f bytes to the server, %.0f to its log\n",
		1000*(after.all-before.all)/n, 1000*(after.writes-before.writes)/n, (after.received-before.received)/n, (after.logged-before.logged)/n)
	return nil
}

// rig is a pushd in this process against the simulator in the other one.
func (s *stage) rig(ctx context.Context) (*rig.Rig, error) {
	schema, err := os.ReadFile(filepath.Join(s.root, "deploy", "schema.sql"))
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(s.sim.Cert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	conf := &tls.Config{RootCAs: roots}
	return rig.New(ctx, rig.Options{Server: s.db, Schema: string(schema), Change: func(c *daemon.Config) {
		c.WeChat.BaseURL, c.WeChat.TLS = s.sim.URLs[0], conf
		c.Tokens.URL, c.Tokens.Key, c.Tokens.Transport = s.sim.TokenURL, tokenKey, &http.Transport{TLSClientConfig: conf}
		c.Engine.Concurrency = 100
	}})
}

// runJob posts and awaits a job on a rig.
func runJob(ctx context.Context, r *rig.Rig, c rig.Channel, token string) error {
	j, err := r.API().Post(ctx, client.Order{ActID: c.ActID, AppID: c.AppID, AccessToken: token})
	if err == nil {
		_, err = await(ctx, r.API(), j.ID)
	}
	return err
}

// serverCounters are what a database server has counted.
type serverCounters struct{ all, writes, received, logged float64 }

func counted(ctx context.Context, db *sql.DB) (c serverCounters, err error) {
	rows, err := db.QueryContext(ctx, "SHOW GLOBAL STATUS")
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return c, err
		}
		var v float64
		fmt.Sscan(text, &v)
		switch name {
		case "Questions":
			c.all = v
		case "Com_insert", "Com_update", "Com_delete", "Com_replace":
			c.writes += v
		case "Bytes_received":
			c.received = v
		case "Innodb_os_log_written":
			c.logged = v
		}
	}
	return c, rows.Err()
}

// shareOf is the share of a CPU profile's samples that pass through functions
// whose names begin with prefix.
func shareOf(ctx context.Context, file, prefix string) (float64, error) {
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		return 0, fmt.Errorf("read profile: %w", err)
	}
	var total, through time.Duration
	for i, sample := range bytes.Split(out, []byte("-----------+")) {
		if i == 0 {
			continue
		}
		_, stack, _ := strings.Cut(string(sample), "\n")
		first := strings.Fields(stack)
		if len(first) == 0 {
			continue
		}
		d, err := time.ParseDuration(first[0])
		if err != nil {
			continue
		}
		total += d
		if strings.Contains(stack, prefix) {
			through += d
		}
	}
	return float64(through) / float64(max(1, total)), nil
}
