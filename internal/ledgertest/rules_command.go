package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pushd"
)

func commandRules() []rule {
	return []rule{
		{"CommandMovesOnlyFromItsStates", commandMovesOnlyFromItsStates},
		{"CommandLeavesTheStateIfAsked", commandLeavesTheStateIfAsked},
		{"CancelThenInFlightThenRelease", cancelThenInFlightThenRelease},
		{"CancelOfAJobNobodyHolds", cancelOfAJobNobodyHolds},
		{"CreateAndFind", createAndFind},
		{"FinishLeavesAMovedStartAlone", finishLeavesAMovedStartAlone},
		{"QueuedAgainIsForTheNextClaim", queuedAgainIsForTheNextClaim},
		{"PauseKeepsTheAccountUntilTheRelease", pauseKeepsTheAccountUntilTheRelease},
		{"SaveMessageFollowsTheStart", saveMessageFollowsTheStart},
		{"CreateTakesWhatIsAskedFor", createTakesWhatIsAskedFor},
		{"CommandOnAnEndedJob", commandOnAnEndedJob},
		{"CommandResume", commandResume},
		{"CommandInTime", commandInTime},
	}
}

func commandMovesOnlyFromItsStates(t *testing.T, f *bench) {
	j := f.claimed(alice)
	id := j.ID
	pause := pushd.Command{From: []pushd.State{pushd.Queued, pushd.Running}, To: pushd.Paused}
	got, err := f.Command(f.ctx, id, pause)
	f.ok(err)
	if got.State != pushd.Paused || got.Owner != alice {
		t.Fatalf("paused: %+v", got)
	}
	_, err = f.Command(f.ctx, id, pause)
	f.want(err, pushd.ErrLost)
	_, err = f.Command(f.ctx, "nosuchjob", pause)
	f.want(err, pushd.ErrNotFound)

	orders, err := f.Orders(f.ctx, alice)
	f.ok(err)
	if len(orders) != 1 || orders[0].State != pushd.Paused || orders[0].Lease != j.Lease() {
		t.Errorf("orders %+v", orders)
	}
	f.ok(f.Release(f.ctx, j.Lease()))
	other := f.create(43, appID) // the account is free while the job is paused
	_, err = f.Claim(f.ctx, bob, other.ID, term)
	f.ok(err)

	if due, err := f.Due(f.ctx, 10); err != nil || len(due) != 0 {
		t.Errorf("due while paused: %v %v", due, err)
	}
	_, err = f.Claim(f.ctx, bob, id, term) // a paused job is nobody's to take
	f.want(err, pushd.ErrLost)
}

func commandLeavesTheStateIfAsked(t *testing.T, f *bench) {
	id := f.claimed(alice).ID
	rate := 250
	got, err := f.Command(f.ctx, id, pushd.Command{From: pushd.ActiveStates, Rate: &rate, Deadline: future + 1})
	f.ok(err)
	if got.State != pushd.Running || got.Rate != 250 || got.Deadline != future+1 || !got.DeadlineAsked {
		t.Errorf("patched %+v", got)
	}
	waiting := f.create(43, appID).ID
	if _, err := f.Claim(f.ctx, bob, waiting, term); !errors.Is(err, pushd.ErrAccountBusy) {
		t.Errorf("the account is free after a patch: %v", err)
	}
	if j, err := f.Job(f.ctx, waiting); err != nil || j.Reason != pushd.AccountBusy {
		t.Errorf("the waiting job says %q, %v", j.Reason, err)
	}
	f.ok(f.Release(f.ctx, pushd.Lease{Job: id, Epoch: got.Epoch}))
	if j, err := f.Job(f.ctx, waiting); err != nil || j.Reason != "" {
		t.Errorf("nobody is in its way, but it says %q, %v", j.Reason, err)
	}
	got, err = f.Command(f.ctx, id, pushd.Command{From: pushd.ActiveStates})
	f.ok(err)
	if got.Rate != 250 || got.Deadline != future+1 {
		t.Errorf("an empty command changed %+v", got)
	}
}

// What was in flight when a person canceled is recorded after, and counted.
func cancelThenInFlightThenRelease(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB"})
	l := j.Lease()
	f.record(l, 1, sent, pushd.Person{})
	got, err := f.Command(f.ctx, l.Job, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser})
	f.ok(err)
	if got.Counts.Sent != 1 || got.FinishedAt == 0 {
		t.Errorf("canceled: %+v, status %d", got, f.status(actID))
	}
	f.record(l, 1, sent, sent)
	if got := f.job(l.Job); got.Counts.Sent != 2 {
		t.Errorf("%d sent while the worker holds on, want 2", got.Counts.Sent)
	}
	again := pushd.AgainFailed
	got, err = f.Command(f.ctx, l.Job, pushd.Command{From: pushd.EndedStates, To: pushd.Queued, Retry: &again})
	f.ok(err)
	if due, err := f.Due(f.ctx, 10); err != nil || len(due) != 0 || got.Epoch != l.Epoch {
		t.Errorf("a retry takes the job from a worker that still writes: due %v %v, epoch %d", due, err, got.Epoch)
	}
	_, err = f.Command(f.ctx, l.Job, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
	f.ok(err)
	f.ok(f.Release(f.ctx, l))
	got = f.job(l.Job)
	if got.State != pushd.Canceled || got.Counts.Sent != 2 || got.Owner != (pushd.Owner{}) {
		t.Errorf("released: %+v", got)
	}
	if n := f.stored(l.Job).Sent; n != 2 {
		t.Errorf("the row says %d sent", n)
	}
}

func cancelOfAJobNobodyHolds(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB"})
	f.record(j.Lease(), 1, sent, failed)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.QuotaExhausted, Until: future}))
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
	f.ok(err)
	if got := f.job(j.ID); got.Counts.Sent != 1 || got.Counts.Failed != 1 || got.ParkedUntil != 0 {
		t.Errorf("canceled: %+v", got)
	}
	if c := f.stored(j.ID); c.Settled() != 2 {
		t.Errorf("the row says %+v", c)
	}
}

// A reminder is unique, and a channel has one active job.
func createAndFind(t *testing.T, f *bench) {
	_, err := f.Active(f.ctx, actID)
	f.want(err, pushd.ErrNotFound)
	_, err = f.Newest(f.ctx, actID, start)
	f.want(err, pushd.ErrNotFound)
	asked := pushd.Asked{TemplateID: "t", URL: "https://x.example/?a=1&b=<2>", Data: map[string]string{"thing1": "it's \\ \"quoted\" 🙂"}, MiniProgram: &pushd.MiniProgram{AppID: "wxm", PagePath: "p"}}
	first, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Asked: asked, Rate: 9, Deadline: future, DeadlineAsked: true})
	f.ok(err)
	if got := f.job(first.ID); fmt.Sprintf("%+v", got.Asked.Data) != fmt.Sprintf("%+v", asked.Data) || got.Asked.URL != asked.URL || *got.Asked.MiniProgram != *asked.MiniProgram ||
		got.Rate != 9 || got.Deadline != future || !got.DeadlineAsked || got.Walk.Total != nil {
		t.Errorf("created %+v", got)
	}
	_, err = f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start + 60, Deadline: future})
	f.want(err, pushd.ErrExists) // the channel is active

	_, err = f.Command(f.ctx, first.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
	f.ok(err)
	_, err = f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
	f.want(err, pushd.ErrExists) // the reminder is taken
	if f.status(actID) != 1 {
		t.Errorf("status %d", f.status(actID))
	}
	second, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
	f.ok(err)
	if got, err := f.Newest(f.ctx, actID, start); err != nil || got.ID != second.ID {
		t.Errorf("newest %v %v, want %v", got.ID, err, second.ID)
	}
	if got, err := f.Active(f.ctx, actID); err != nil || got.ID != second.ID {
		t.Errorf("active %v %v, want %v", got.ID, err, second.ID)
	}
	_, err = f.Command(f.ctx, first.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
	f.want(err, pushd.ErrExists) // two active jobs of one channel
	for _, id := range []pushd.JobID{"", "é", "\xff", "no'; --", pushd.JobID(strings.Repeat("x", 300))} {
		_, err := f.Job(f.ctx, id)
		f.want(err, pushd.ErrNotFound)
	}
}

// The platform moves the start while a job of the old one ends: the column is
// the platform's.
func finishLeavesAMovedStartAlone(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA"})
	f.record(j.Lease(), 1, sent)
	late := f.create(43, "wx2")
	f.due(late.ID, 1)
	f.save(actID, start+3600)
	f.save(43, start+3600)
	f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
	_, err := f.Expire(f.ctx, 10)
	f.ok(err)
	if a, b := f.job(j.ID).State, f.job(late.ID).State; a != pushd.Succeeded || b != pushd.Expired || f.status(actID) != 0 || f.status(43) != 0 {
		t.Errorf("%s and %s, status %d and %d, want the platform's 0", a, b, f.status(actID), f.status(43))
	}
	if done, err := f.CorrectStatus(f.ctx, f.job(j.ID), start, 2); err != nil || done || f.status(actID) != 0 {
		t.Errorf("mended %v, %v", done, err)
	}
}

// A command that queues a job ends what its last worker may write, also before
// the worker has heard of it.
func queuedAgainIsForTheNextClaim(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB"})
	for _, cmd := range []pushd.Command{
		{From: pushd.ActiveStates, To: pushd.Canceled},
		{From: pushd.EndedStates, To: pushd.Queued, Recompose: true},
	} {
		_, err := f.Command(f.ctx, j.ID, cmd)
		f.ok(err)
	}
	_, lost := f.SaveMessage(f.ctx, j.Lease(), pushd.Prepared{Message: &pushd.Message{TemplateID: "old"}})
	f.want(lost, pushd.ErrLost)
	f.want(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Failed}), pushd.ErrLost)
	f.want(f.Park(f.ctx, j.Lease(), pushd.Parking{Until: future}), pushd.ErrLost)
	_, err := f.Claim(f.ctx, bob, j.ID, term) // its last worker has not let go
	f.want(err, pushd.ErrLost)
	f.record(j.Lease(), 1, sent) // in flight when the first command came
	f.ok(f.Release(f.ctx, j.Lease()))
	if got := f.job(j.ID); got.State != pushd.Queued || got.Counts.Sent != 1 || got.Prepared.Message != nil {
		t.Errorf("%s, %+v", got.State, got.Counts)
	}
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	got, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	if got.State != pushd.Queued || got.Epoch != j.Epoch+1 {
		t.Errorf("resumed: %s, epoch %d", got.State, got.Epoch)
	}
}

// A paused job keeps its account until its worker has let go: what is in flight
// counts against the account's ceiling.
func pauseKeepsTheAccountUntilTheRelease(t *testing.T, f *bench) {
	j := f.claimed(alice)
	next := f.create(43, appID)
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	_, err = f.Claim(f.ctx, bob, next.ID, term)
	f.want(err, pushd.ErrAccountBusy)
	f.ok(f.Release(f.ctx, j.Lease()))
	_, err = f.Claim(f.ctx, bob, next.ID, term)
	f.ok(err)
}

// A start that moves takes the job along: the new start's reminder is this job.
func saveMessageFollowsTheStart(t *testing.T, f *bench) {
	old := f.create(actID, appID)
	_, err := f.Command(f.ctx, old.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
	f.ok(err)
	j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start + 60, Deadline: future})
	f.ok(err)
	j, err = f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	m := pushd.Prepared{Message: &pushd.Message{TemplateID: "t"}, StartTime: start, Deadline: future + 7}
	f.message(j.Lease(), m) // the start of the canceled one
	got := f.job(j.ID)
	if got.StartTime != start || got.Run != 1 || got.Deadline != future+7 || got.Prepared.StartTime != start || got.Prepared.Deadline != future+7 {
		t.Errorf("moved: %+v", got)
	}
	if n, err := f.Newest(f.ctx, actID, start); err != nil || n.ID != j.ID {
		t.Errorf("newest %v %v", n.ID, err)
	}
	f.message(j.Lease(), m) // again changes nothing
	if got := f.job(j.ID); got.Run != 1 {
		t.Errorf("run %d after the same message again", got.Run)
	}
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Deadline: future + 100})
	f.ok(err)
	f.message(j.Lease(), m)
	if got := f.job(j.ID); got.Deadline != future+100 {
		t.Errorf("a deadline that a person set was moved to %d", got.Deadline)
	}
}

// A job is made of what one is asked for with, under an id of its own.
func createTakesWhatIsAskedFor(t *testing.T, f *bench) {
	f.channel(43, "wx2")
	n := int64(7)
	j, err := f.Create(f.ctx, pushd.Job{ActID: 43, AppID: "wx2", Deadline: future, Detail: "bad utf8 \xff",
		Owner: alice, Epoch: 9, Leased: future, Notified: true, Walk: pushd.Walk{Pages: 3}, QuotaRemain: &n, SendRate: 5, CreatedAt: 1, Prepared: pushd.Prepared{StartTime: 1}})
	f.ok(err)
	if j.ID == "" || j.Owner != (pushd.Owner{}) || j.Epoch != 0 || j.Leased != 0 || j.Notified || j.Walk.Pages != 0 || j.QuotaRemain != nil || j.SendRate != 0 ||
		j.CreatedAt == 1 || j.Prepared.StartTime != 0 || j.Detail != "bad utf8 \ufffd" || j.Now == 0 {
		t.Errorf("made %+v", j)
	}
	f.channel(44, "wx3")
	_, err = f.Create(f.ctx, pushd.Job{ID: j.ID, ActID: 44, AppID: "wx3", Deadline: future})
	f.want(err, pushd.ErrExists) // that id is another job's
	if got := f.job(j.ID); got.ActID != 43 {
		t.Errorf("the job is channel %d's", got.ActID)
	}
}

// An end says when it was for the first time, and has as few bytes of a reason as
// fit.
func commandOnAnEndedJob(t *testing.T, f *bench) {
	j := f.create(actID, appID)
	f.cancel(j.ID)
	first := f.job(j.ID).FinishedAt
	f.tick()
	got, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Failed, Reason: pushd.WeChatRefused, Detail: strings.Repeat("é", 2000)})
	f.ok(err)
	if got.FinishedAt != first || got.State != pushd.Failed || got.Reason != pushd.WeChatRefused || got.Detail != strings.Repeat("é", 1000)+"…" {
		t.Errorf("ended at %d, now %d, %s (%s), %d bytes", first, got.FinishedAt, got.State, got.Reason, len(got.Detail))
	}
}

// A resume makes a parked job due, with its message made anew, and leaves every
// other state but paused.
func commandResume(t *testing.T, f *bench) {
	j := f.claimed(alice)
	f.message(j.Lease(), pushd.Prepared{Message: saying("a"), StartTime: start, Deadline: future + 3})
	resume := pushd.Command{From: append(slices.Clone(pushd.ActiveStates), pushd.EndedStates...), Resume: true}
	got, err := f.Command(f.ctx, j.ID, resume)
	f.ok(err)
	if got.State != pushd.Running || got.Prepared.Message == nil || got.Epoch != j.Epoch {
		t.Errorf("running: %+v", got)
	}
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.WeChatDown, Detail: "d", Until: future}))
	got, err = f.Command(f.ctx, j.ID, resume)
	f.ok(err)
	if got.State != pushd.Parked || got.Reason != pushd.WeChatDown || got.Detail != "d" || got.ParkedUntil != 0 || got.Prepared.Message != nil ||
		got.Prepared.StartTime != 0 || got.Prepared.Deadline != future+3 || got.Epoch != j.Epoch || got.MessageVersion != 1 {
		t.Errorf("parked: %+v", got)
	}
	f.cancel(j.ID)
	got, err = f.Command(f.ctx, j.ID, resume)
	f.ok(err)
	if got.State != pushd.Canceled || got.FinishedAt == 0 {
		t.Errorf("canceled: %+v", got)
	}
}

// What wants the deadline ahead is refused by the database's clock, and goes through
// once the deadline is a later one.
func commandInTime(t *testing.T, f *bench) {
	j := f.create(42, appID)
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused, Deadline: 1})
	f.ok(err)
	resume := pushd.Command{From: pushd.ActiveStates, Resume: true, InTime: true}
	_, err = f.Command(f.ctx, j.ID, resume)
	f.want(err, pushd.ErrLost)
	if got, err := f.Job(f.ctx, j.ID); err != nil || got.State != pushd.Paused {
		t.Errorf("after the refusal: %s, %v", got.State, err)
	}
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Deadline: future})
	f.ok(err)
	if got, err := f.Command(f.ctx, j.ID, resume); err != nil || got.State != pushd.Queued {
		t.Errorf("in time: %s, %v", got.State, err)
	}
}
