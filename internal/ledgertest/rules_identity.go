package ledgertest

import (
	"testing"

	"pushd"
)

func identityRules() []rule {
	return []rule{
		{"MsgIDWithoutStart", msgIDWithoutStart},
		{"MsgIDAfterAMovedStart", msgIDAfterAMovedStart},
		{"CreateWantsAFreeRun", createWantsAFreeRun},
		{"MsgIDOfARunThatIsTaken", msgIDOfARunThatIsTaken},
	}
}

// Without a start time nothing but the run tells one reminder from the next.
func msgIDWithoutStart(t *testing.T, f *bench) {
	seen := map[pushd.MsgID]bool{}
	for run := range 3 {
		j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, Run: run, Deadline: future})
		f.ok(err)
		if seen[j.MsgID] {
			t.Errorf("run %d has the id of another", run)
		}
		seen[j.MsgID] = true
		f.cancel(j.ID)
	}
}

// A job keeps its id when it follows its channel to another start. A job that
// is made for the start it came from gets an id of its own: under the old one
// WeChat would deliver nothing.
func msgIDAfterAMovedStart(t *testing.T, f *bench) {
	const later = start + 3600
	moved := f.claimed(alice)
	f.message(moved.Lease(), pushd.Prepared{StartTime: later})
	if got := f.job(moved.ID); got.StartTime != later || got.MsgID != moved.MsgID {
		t.Fatalf("moved to %d with id %s, want %d and %s", got.StartTime, got.MsgID, later, moved.MsgID)
	}
	f.cancel(moved.ID)
	seen := map[pushd.MsgID]bool{moved.MsgID: true}
	for _, at := range []int64{start, later, start} {
		run := 0
		if old, err := f.Newest(f.ctx, actID, at); err == nil {
			run = old.Run + 1
		}
		j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: at, Run: run, Deadline: future})
		f.ok(err)
		if seen[j.MsgID] {
			t.Errorf("start %d, run %d: another job has the id", at, j.Run)
		}
		seen[j.MsgID] = true
		f.cancel(j.ID)
	}
}

// Whoever asks for a run that is taken has not seen the job that has it.
func createWantsAFreeRun(t *testing.T, f *bench) {
	f.cancel(f.create(actID, appID).ID)
	_, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
	f.want(err, pushd.ErrExists)
}

// The run that a new job takes may be that of a job which followed its channel
// here.
func msgIDOfARunThatIsTaken(t *testing.T, f *bench) {
	make := func(at int64, run int) pushd.Job {
		j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: at, Run: run, Deadline: future})
		f.ok(err)
		return j
	}
	move := func(j pushd.Job, to int64) {
		j, err := f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		f.message(j.Lease(), pushd.Prepared{StartTime: to})
		f.cancel(j.ID)
		f.ok(f.Release(f.ctx, j.Lease()))
	}
	move(make(start, 1), start+60) // and keeps the id of run 1
	f.cancel(make(start, 2).ID)
	came := make(start+120, 0)
	move(came, start)
	if got := f.job(came.ID).Run; got != 3 {
		t.Fatalf("who came is run %d", got)
	}
	_, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
	f.want(err, pushd.ErrExists)
}
