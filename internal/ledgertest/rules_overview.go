package ledgertest

import (
	"testing"
	"time"

	"pushd"
)

func overviewRules() []rule {
	return []rule{
		{"Heartbeat", heartbeat},
		{"OverviewOfNothing", overviewOfNothing},
		{"Overview", overview},
		{"OverviewLate", overviewLate},
		{"OverviewTried", overviewTried},
		{"WaitingSince", waitingSince},
	}
}

// The last heartbeat is known to all processes, and a raise of the counter does
// not touch it.
func heartbeat(t *testing.T, f *bench) {
	if o, err := f.Overview(f.ctx); err != nil || o.HostSeen != 0 || o.Now == 0 {
		t.Errorf("before the first heartbeat: %+v, %v", o, err)
	}
	before := f.tick()
	first, err := f.Heartbeat(f.ctx)
	f.ok(err)
	if o, err := f.Overview(f.ctx); err != nil || o.HostSeen != first || first < before || first > o.Now {
		t.Errorf("a heartbeat at %d, after %d: %+v, %v", first, before, o, err)
	}
	f.tick()
	second, err := f.Again().Heartbeat(f.ctx)
	f.ok(err)
	_, err = f.Raise(f.ctx, 0)
	f.ok(err)
	if in, err := f.Installation(f.ctx); err != nil || in.HostSeen != second || second <= first || in.Value != 1 {
		t.Errorf("a heartbeat at %d after %d: %+v, %v", second, first, in, err)
	}
}

// overlook reads the overview.
func (f *bench) overlook() pushd.Overview {
	f.t.Helper()
	o, err := f.Overview(f.ctx)
	f.ok(err)
	return o
}

func overviewOfNothing(t *testing.T, f *bench) {
	o := f.overlook()
	for name, g := range map[string]pushd.Group{"queued": o.Queued, "running": o.Running, "parked": o.Parked, "paused": o.Paused, "held": o.Held, "tried": o.Tried} {
		if g != (pushd.Group{}) {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if o.TriedDeadline != 0 || o.NewestJob != 0 || o.Late != 0 || o.Short != 0 || o.Shortfall != 0 || len(o.Ended) != 0 {
		t.Errorf("%+v", o)
	}
	if _, err := f.Size(f.ctx); err != nil {
		t.Error(err)
	}
}

// Each job is counted once, where it belongs, whoever has it.
func overview(t *testing.T, f *bench) {
	remain, short := int64(5), int64(7)
	running := f.claimed(alice)
	f.ok(f.SaveQuota(f.ctx, running.Lease(), &remain, &short))
	parked, err := f.Claim(f.ctx, bob, f.create(43, "wx3").ID, term)
	f.ok(err)
	f.ok(f.SaveQuota(f.ctx, parked.Lease(), &remain, new(int64)))
	f.ok(f.Park(f.ctx, parked.Lease(), pushd.Parking{Reason: pushd.QuotaExhausted, Until: future - 1}))
	paused := f.create(44, "wx4")
	_, err = f.Command(f.ctx, paused.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	held := f.create(45, "wx5")
	_, err = f.Command(f.ctx, held.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused, Reason: pushd.LedgerWentBack})
	f.ok(err)
	first := f.create(46, "wx6")
	f.tick()
	f.create(47, "wx7")
	ended := f.create(48, "wx8")
	f.cancel(ended.ID)
	if o := f.overlook(); o.Holds != 0 {
		t.Errorf("%d holds", o.Holds)
	}
	_, _, err = f.SetHold(f.ctx, pushd.Hold{AppID: "wx6", By: "ops"})
	f.ok(err)
	o := f.overlook()
	if o.Holds != 1 {
		t.Errorf("%d holds, want 1", o.Holds)
	}
	if o.Queued.Jobs != 2 || o.Running.Jobs != 1 || o.Parked.Jobs != 1 || o.Paused.Jobs != 1 || o.Held.Jobs != 1 {
		t.Errorf("%+v", o)
	}
	if o.NewestJob != ended.CreatedAt || o.Short != 1 || o.Shortfall != 7 || o.Late != 0 || len(o.Ended) != 1 || o.Ended[pushd.Canceled] != 1 {
		t.Errorf("%+v, the newest was made at %d", o, ended.CreatedAt)
	}
	if s := o.Queued.Since; s < first.CreatedAt || s > ended.CreatedAt || o.Held.Since > s {
		t.Errorf("queued since %d, held since %d, the first of the queue was made at %d", s, o.Held.Since, first.CreatedAt)
	}
}

// A job that waits beyond its deadline, or almost has reached it, is late. One
// that runs shows by its rate.
func overviewLate(t *testing.T, f *bench) {
	late := func(when string, want int) {
		t.Helper()
		if o := f.overlook(); o.Late != want {
			t.Errorf("%s: %d late, want %d", when, o.Late, want)
		}
	}
	now := f.tick()
	j := f.claimed(alice)
	f.due(j.ID, now.Add(time.Hour))
	late("running", 0)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.WeChatDown, Until: now.Add(time.Minute)}))
	late("parked for a minute", 0)
	f.due(j.ID, now.Add(time.Minute))
	late("parked for as long as there is time", 1)
	q := f.create(43, "wx3")
	f.due(q.ID, now.Add(time.Hour))
	late("queued", 1)
	f.due(q.ID, now.Add(pushd.LateWithin-time.Second))
	late("queued, and no time left", 2)
}

// Jobs whose first recipients were attempted wait for a person, apart from those that a
// person has paused; the earliest deadline of them is known until they go on.
func overviewTried(t *testing.T, f *bench) {
	want := func(when string, tried, paused int, deadline pushd.Time) {
		t.Helper()
		if o := f.overlook(); o.Tried.Jobs != tried || o.Paused.Jobs != paused || o.TriedDeadline != deadline {
			t.Errorf("%s: %+v", when, o)
		}
	}
	now := f.tick()
	var jobs []pushd.Job
	for i, app := range []pushd.AppID{"wx3", "wx4", "wx5"} {
		j, err := f.Claim(f.ctx, alice, f.create(pushd.ActID(43+i), app).ID, term)
		f.ok(err)
		f.due(j.ID, now.Add(time.Hour-time.Duration(i)*time.Minute))
		jobs = append(jobs, j)
	}
	want("running", 0, 0, 0)
	f.ok(f.Park(f.ctx, jobs[0].Lease(), firstReached))
	f.ok(f.Park(f.ctx, jobs[1].Lease(), firstReached))
	_, err := f.Command(f.ctx, jobs[2].ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	want("two have attempted their first", 2, 1, now.Add(time.Hour-time.Minute))
	_, err = f.Command(f.ctx, jobs[1].ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	want("one goes on", 1, 1, now.Add(time.Hour))
	f.cancel(jobs[0].ID)
	want("the other is canceled", 0, 1, 0)
}

// A job waits from its creation, or from its last message, until messages flow.
func waitingSince(t *testing.T, f *bench) {
	j := f.create(actID, appID)
	since := f.overlook().Queued.Since
	if since == 0 || since > j.CreatedAt+1_000_000 {
		t.Errorf("made at %d, waits since %d", j.CreatedAt, since)
	}
	f.tick()
	want := func(when string, g func(pushd.Overview) pushd.Group, same bool) {
		t.Helper()
		got := g(f.overlook())
		if got.Jobs != 1 || (got.Since == since) != same || got.Since < since {
			t.Errorf("%s: %+v, before it waited since %d", when, got, since)
		}
		since = got.Since
		f.tick()
	}
	parked := func(o pushd.Overview) pushd.Group { return o.Parked }
	paused := func(o pushd.Overview) pushd.Group { return o.Paused }
	queued := func(o pushd.Overview) pushd.Group { return o.Queued }
	run := func(rate float64) pushd.Lease {
		t.Helper()
		_, err := f.Command(f.ctx, j.ID, pushd.Command{From: []pushd.State{pushd.Parked}, Unpark: true})
		if err != nil {
			f.want(err, pushd.ErrLost)
		}
		got, err := f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		for range 2 {
			_, err = f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: got.Lease(), SendRate: rate}})
			f.ok(err)
		}
		return got.Lease()
	}
	park := pushd.Parking{Reason: pushd.WeChatDown, Until: future}
	f.ok(f.Park(f.ctx, run(0), park))
	want("parked without a message", parked, true)
	f.ok(f.Park(f.ctx, run(100), park))
	want("parked after messages", parked, false)
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	want("and paused", paused, true)
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	f.ok(f.Release(f.ctx, run(100)))
	want("given back", queued, false)
	f.cancel(j.ID)
	f.tick()
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
	f.ok(err)
	want("continued after its end", queued, false)
}
