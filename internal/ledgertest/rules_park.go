package ledgertest

import (
	"slices"
	"testing"

	"pushd"
)

func parkRules() []rule {
	return []rule{
		{"ParkAndDue", parkAndDue},
		{"DueByDeadline", dueByDeadline},
		{"DueByAge", dueByAge},
	}
}

func parkAndDue(t *testing.T, f *bench) {
	j := f.claimed(alice)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.QuotaExhausted, Detail: "bad utf8 \xff", Until: future}))
	got := f.job(j.ID)
	if got.State != pushd.Parked || got.Detail != "bad utf8 \ufffd" || got.Reason != pushd.QuotaExhausted || got.ParkedUntil != future || got.Owner != (pushd.Owner{}) {
		t.Errorf("parked: %+v", got)
	}
	_, err := f.Claim(f.ctx, bob, j.ID, term)
	f.want(err, pushd.ErrLost) // not yet
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: []pushd.State{pushd.Parked}, Unpark: true})
	f.ok(err)
	due, err := f.Due(f.ctx, 5)
	f.ok(err)
	if len(due) != 1 {
		t.Fatalf("due %v", due)
	}
	got, err = f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	if got.Reason != pushd.QuotaExhausted || got.Detail != "" || got.ParkedUntil != 0 {
		t.Errorf("the claim does not say what the job waited for: %+v", got)
	}
	if got := f.job(j.ID); got.Reason != "" || got.ParkedUntil != 0 {
		t.Errorf("unparked: %+v", got)
	}
}

// Jobs come up by their deadline.
func dueByDeadline(t *testing.T, f *bench) {
	var want []pushd.JobID
	for i, later := range []pushd.Time{3, 1, 2} {
		j, err := f.Create(f.ctx, pushd.Job{ActID: pushd.ActID(50 + i), AppID: pushd.AppID(rune('a' + i)), Deadline: future + later})
		f.ok(err)
		want = append(want, j.ID)
	}
	want = []pushd.JobID{want[1], want[2], want[0]}
	due, err := f.Due(f.ctx, 10)
	f.ok(err)
	if len(due) != 3 || due[0] != want[0] || due[1] != want[1] || due[2] != want[2] {
		t.Errorf("due %v, want %v", due, want)
	}
	if due, err = f.Due(f.ctx, 2); err != nil || len(due) != 2 {
		t.Errorf("due with limit 2: %v %v", due, err)
	}
}

// Of equal deadlines the job that was asked for first comes first.
func dueByAge(t *testing.T, f *bench) {
	var want []pushd.JobID
	for i := range 4 {
		j, err := f.Create(f.ctx, pushd.Job{ID: pushd.JobID(rune('z' - i)), ActID: pushd.ActID(50 + i), AppID: pushd.AppID(rune('a' + i)), Deadline: future})
		f.ok(err)
		want = append(want, j.ID)
		f.tick()
	}
	if due, err := f.Due(f.ctx, 10); err != nil || !slices.Equal(due, want) {
		t.Errorf("due %v, %v, want %v", due, err, want)
	}
}
