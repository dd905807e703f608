package rig_test

import (
	"net/http"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// On tables of a newer program a job is neither taken nor sent, and what was
// waiting goes on when they are this program's again.
func TestRig_TablesOfANewerProgram(t *testing.T) {
	r, err := rig.New(t.Context(), rig.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	r.Sim.Account("wxnew", wechatsim.AccountOptions{Followers: 50})
	c := rig.Channel{ActID: 7, AppID: "wxnew"}
	if err := r.AddChannel(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.StopDaemon())
	_, err = r.DB.ExecContext(t.Context(), `INSERT INTO pushd_schema (version_id, is_applied) VALUES (99, 1)`)
	must(err)
	must(r.StartDaemon(t.Context()))
	order := client.Order{ActID: 7, AppID: "wxnew"}
	if _, err = r.API().Post(t.Context(), order); client.Status(err) != http.StatusServiceUnavailable {
		t.Fatalf("POST: %v", err)
	}
	if n, err := r.Status(t.Context(), 7); err != nil || n != 0 {
		t.Errorf("status %d, %v", n, err)
	}
	_, err = r.DB.ExecContext(t.Context(), `DELETE FROM pushd_schema WHERE version_id = 99`)
	must(err)
	posted, err := r.API().Post(t.Context(), order)
	for end := time.Now().Add(20 * time.Second); client.Status(err) == http.StatusServiceUnavailable && time.Now().Before(end); {
		posted, err = r.API().Post(t.Context(), order)
	}
	if err != nil || posted.Existing {
		t.Errorf("afterwards: %+v, %v", posted, err)
	}
}
