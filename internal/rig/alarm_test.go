package rig_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/alarm"
	"pushd/internal/daemon"
	"pushd/internal/rig"
)

// What waits in the ledger when a daemon starts is told by its webhook, and shown
// by its metrics.
func TestRig_Webhook(t *testing.T) {
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(b)
	}))
	defer hook.Close()
	r, err := rig.New(t.Context(), rig.Options{Seed: 4, Change: func(c *daemon.Config) {
		c.Hook = alarm.Hook{URL: hook.URL, Format: alarm.JSON, Instance: "rig"}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.StopDaemon(); err != nil {
		t.Fatal(err)
	}
	h, _, err := r.Store.SetHold(t.Context(), pushd.Hold{AppID: "wxheld", Reason: "punished", Code: 48004})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartDaemon(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case body := <-got:
		if !strings.Contains(body, h.Alarm().Key) || !strings.Contains(body, "punished") {
			t.Errorf("told %s", body)
		}
	case <-ctx.Done():
		t.Fatal("nothing was told")
	}
	for {
		text := metrics(ctx, t, r)
		if strings.Contains(text, "\npushd_holds 1\n") && strings.Contains(text, "\npushd_webhook_messages_total{outcome=\"sent\"} 1\n") {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the metrics are\n%s", text)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// metrics reads /metrics.
func metrics(ctx context.Context, t *testing.T, r *rig.Rig) string {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
