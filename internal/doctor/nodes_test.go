package doctor

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"pushd/internal/mariadb"
	"pushd/internal/settings"
)

// TestCheckNodes_Strangers: servers that are no cluster, beside each other in the
// DSN.
func TestCheckNodes_Strangers(t *testing.T) {
	a, b := startMariaDB(t), startMariaDB(t)
	for _, s := range []*mariadb.Server{a, b} {
		if err := s.Exec(t.Context(), "", "CREATE DATABASE p"); err != nil {
			t.Fatal(err)
		}
	}
	dsn := settings.Secret("root@unix(" + a.Socket() + "," + b.Socket() + ")/p")
	looked := func() string {
		var out bytes.Buffer
		checkNodes(t.Context(), &report{w: &out}, dsn, time.UTC)
		return out.String()
	}
	if out := looked(); !strings.Contains(out, "fail  nodes: ") || !strings.Contains(out, "take writes and are no nodes of one cluster") {
		t.Errorf("two that take writes: %s", out)
	}
	if err := b.Exec(t.Context(), "", "SET GLOBAL read_only = 1"); err != nil {
		t.Fatal(err)
	}
	if out := looked(); strings.Contains(out, "fail") || !strings.Contains(out, "warn  nodes: ") || !strings.Contains(out, "asynchronous replication loses") {
		t.Errorf("a primary and a replica: %s", out)
	}
	b.Kill()
	if out := looked(); !strings.Contains(out, "warn  nodes: "+b.Socket()+" does not answer") {
		t.Errorf("one is away: %s", out)
	}
}

// The nodes of a real cluster are seen to be one, and a wrong clock is seen.
func TestCheckTogether(t *testing.T) {
	second := func(from, to float64) offset {
		return offset{time.Duration(from * float64(time.Second)), time.Duration(to * float64(time.Second))}
	}
	for _, c := range []struct {
		all  []member
		want string
	}{
		{[]member{{host: "a", cluster: "x"}, {host: "b", cluster: "x"}}, "ok    nodes: 2 of one cluster\n"},
		{[]member{{host: "a", cluster: "x"}, {host: "b", cluster: "y"}}, "fail  nodes: a, b take writes"},
		{[]member{{host: "a", cluster: "x"}, {host: "b", readOnly: true}}, "warn  nodes: b are no nodes"},
		{[]member{{host: "a", cluster: "x", ahead: second(-0.1, 0.1)}, {host: "b", cluster: "x", ahead: second(3, 3.2)}}, "warn  clock: those of a and b are 2.9s apart"},
		{[]member{{host: "a", cluster: "x", ahead: second(0, 3)}, {host: "b", cluster: "x", ahead: second(2, 5)}}, "ok    nodes: 2 of one cluster\n"},
		{[]member{{host: "a", cluster: "x"}}, ""},
	} {
		var b bytes.Buffer
		r := &report{w: &b}
		checkTogether(r, c.all)
		checkClocks(r, c.all)
		if !strings.Contains(b.String(), c.want) || c.want == "" && b.Len() > 0 || strings.HasPrefix(c.want, "ok") && b.String() != c.want {
			t.Errorf("%+v: %s", c.all, b.String())
		}
	}
}

func TestClockAhead(t *testing.T) {
	server := startMariaDB(t)
	db := open(t, server.DSN("mysql"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if s, err := clockAhead(ctx, db); err != nil || s.from > s.to || s.apart(offset{}) > skewMax {
		t.Errorf("the clock of this machine is ahead of itself by %v, %v", s, err)
	}
}
