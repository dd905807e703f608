package control

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// A hold is answered when the jobs have stopped, or after two seconds; the answer
// says how they stand, and the first hold is the one that stays.
func TestController_Hold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		ctx := pushd.ActedBy(t.Context(), "ops")
		id := d.job(t, pushd.Queued)
		job, err := d.ledger.Claim(ctx, pushd.Owner{Instance: "a", Boot: "1"}, id, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		h, err := d.Hold(ctx, "", "first")
		if err != nil || h.Hold == nil || h.Existed || h.Hold.Reason != "first" || h.Hold.By != "ops" || h.Hold.Stopped != 1 || h.Stopping != 1 {
			t.Errorf("%+v, %v", h, err)
		}
		if took := time.Since(began); took != standstillFor {
			t.Errorf("a job that does not stop was waited for %v", took)
		}
		first := h.Hold.Since
		go func() {
			time.Sleep(300 * time.Millisecond)
			_ = d.ledger.SaveSent(ctx, job.Lease(), 5)
			_ = d.ledger.Release(ctx, job.Lease())
		}()
		began = time.Now()
		h, err = d.Hold(ctx, "", "second")
		if err != nil || !h.Existed || h.Hold.Reason != "first" || h.Hold.Since != first || h.Stopping != 0 || h.Waiting != 1 || h.LastSent != 5 {
			t.Errorf("%+v, %v", h, err)
		}
		if took := time.Since(began); took > 300*time.Millisecond+standstillEvery {
			t.Errorf("a job that has stopped was waited for %v", took)
		}
		if h, err = d.Holding(ctx, "wx1"); err != nil || h.Hold != nil || h.All == nil || h.Waiting != 1 {
			t.Errorf("of the account: %+v, %v", h, err)
		}
		if h, err = d.Hold(ctx, "wx2", ""); err != nil || h.Hold.Stopped != 0 || h.Waiting != 0 {
			t.Errorf("of another account: %+v, %v", h, err)
		}
		if h, err = d.Lift(ctx, ""); err != nil || h.Hold != nil || len(h.Accounts) != 1 || h.Accounts[0].AppID != "wx2" {
			t.Errorf("lifted: %+v, %v", h, err)
		}
		if h, err = d.Lift(ctx, ""); err != nil || h.Hold != nil {
			t.Errorf("lifted twice: %+v, %v", h, err)
		}
	})
}

// A dry run says that a job would wait.
func TestController_WouldWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		for _, appID := range []pushd.AppID{"wx1", "", "wx2"} {
			if _, err := d.Hold(t.Context(), appID, "why"); err != nil {
				t.Fatal(err)
			}
			p, err := d.wouldWait(t.Context(), "wx1")
			if err != nil || (p != nil) != (appID != "wx2") || p != nil && (p.Code != "held" || !strings.Contains(p.Text, "why")) {
				t.Errorf("held %q: %+v, %v", appID, p, err)
			}
			if _, err := d.Lift(t.Context(), appID); err != nil {
				t.Fatal(err)
			}
		}
	})
}
