package control

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// A POST for a reminder that may have been sent in the lost time makes a job
// that waits for a person. A restart is a person's wish.
func TestController_PostAfterTheLedgerWentBack(t *testing.T) {
	for _, tc := range []struct {
		name    string
		minutes int64
		req     pushd.Request
		state   pushd.State
	}{
		{"DueInTheGap", 120, pushd.Request{}, pushd.Paused},
		{"Restart", 120, pushd.Request{Restart: true}, pushd.Queued},
		{"NotDueThen", 30, pushd.Request{}, pushd.Queued},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk() // its channel starts in an hour
			d.ch.NotifyMinutes = &tc.minutes
			now := pushd.Time(time.Now().UnixMicro())
			d.ledger.Install.Lost = pushd.Gap{From: now.Add(-2 * time.Hour), To: now.Add(-10 * time.Minute)}
			tc.req.ActID, tc.req.AppID = 1, "wx1"
			out, err := d.Post(t.Context(), tc.req)
			if err != nil || out.Existing || out.Job.State != tc.state || (out.Job.Reason == pushd.LedgerWentBack) != (tc.state == pushd.Paused) {
				t.Fatalf("%s: %v, %s (%s), want %s", tc.name, err, out.Job.State, out.Job.Reason, tc.state)
			}
			if tc.state != pushd.Paused {
				return
			}
			if *d.ch.Status != pushd.StatusNotifying || !strings.Contains(out.Job.Detail, "resume the job") {
				t.Errorf("status %d, detail %q", *d.ch.Status, out.Job.Detail)
			}
			again, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"})
			if err != nil || !again.Existing || again.Job.Reason != pushd.LedgerWentBack {
				t.Errorf("posted again: %v, %+v", err, again.Job)
			}
			paused, err := d.Pause(t.Context(), out.Job.ID)
			if err != nil || paused.Reason != pushd.LedgerWentBack {
				t.Errorf("paused as well it is %s (%s), %v", paused.State, paused.Reason, err)
			}
			resumed, err := d.Resume(t.Context(), out.Job.ID)
			if err != nil || resumed.State != pushd.Queued || resumed.Reason != "" {
				t.Errorf("resumed it is %s (%s), %v", resumed.State, resumed.Reason, err)
			}
		})
	}
}
