package ledgertest

import (
	"testing"
	"time"

	"pushd"
)

// leaseRules are about who holds a job.
func leaseRules() []rule {
	return []rule{
		{"Leases", leases},
		{"TakeBack", takeBack},
		{"RenewManyFindsTheLostOnes", renewManyFindsTheLostOnes},
		{"LapsedLeaseOfAPausedJob", lapsedLeaseOfAPausedJob},
		{"Takeover", takeover},
		{"LapsedLeaseOfARunningJob", lapsedLeaseOfARunningJob},
		{"RenewalsShow", renewalsShow},
		{"RenewedAfterItLapsed", renewedAfterItLapsed},
	}
}

// A lease that lapses and is renewed is another one for whoever observes it, whatever the
// database's clock says: set back, it may end when the one before was to end.
func renewedAfterItLapsed(t *testing.T, f *bench) {
	j := f.claimed(alice)
	observed := func() pushd.Observation {
		t.Helper()
		held, err := f.Leases(f.ctx)
		f.ok(err)
		if len(held) != 1 {
			t.Fatalf("leases %+v", held)
		}
		return held[0]
	}
	renew := func() {
		t.Helper()
		lost, err := f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: j.Lease()}})
		f.ok(err)
		if len(lost) != 0 {
			t.Fatalf("lost %v", lost)
		}
	}
	for range 3 {
		before := observed()
		f.lapse(j.ID)
		renew()
		after := observed()
		if before.Mark = after.Mark; before == after {
			t.Errorf("by its end alone it differs from the one before: %+v", after)
		}
	}
	f.tick()
	renew()
	if got := observed(); got.Term != term {
		t.Errorf("renewed in time its term is %s, want %s", got.Term, term)
	}
}

func leases(t *testing.T, f *bench) {
	j := f.claimed(alice)
	due := func() int {
		ids, err := f.Due(f.ctx, 10)
		f.ok(err)
		return len(ids)
	}
	lapse := func() bool {
		held, err := f.Leases(f.ctx)
		f.ok(err)
		if len(held) != 1 || held[0].Term.Truncate(time.Millisecond) != term { // to the microsecond: see renewedAfterItLapsed
			t.Fatalf("leases %+v", held)
		}
		freed, err := f.Lapse(f.ctx, held[0])
		f.ok(err)
		return freed
	}
	held := []pushd.Held{{Lease: j.Lease(), SendRate: 12.5}}

	if due() != 0 {
		t.Error("a held job is due")
	}
	_, err := f.Claim(f.ctx, bob, j.ID, term)
	f.want(err, pushd.ErrLost)

	f.tick()
	seen, err := f.Leases(f.ctx)
	f.ok(err)
	if _, err := f.Renew(f.ctx, alice, term, held); err != nil {
		t.Error(err)
	}
	if freed, err := f.Lapse(f.ctx, seen[0]); err != nil || freed || due() != 0 {
		t.Errorf("a lease that was renewed since it was seen: freed %v, %v", freed, err)
	}
	if !lapse() || due() != 1 {
		t.Error("a lapsed job is not due")
	}
	lost, err := f.Renew(f.ctx, alice, term, held) // nobody took it
	f.ok(err)
	if len(lost) != 0 || due() != 0 {
		t.Errorf("renewing a lapsed lease: lost %v, due %d", lost, due())
	}
	if got := f.job(j.ID); got.SendRate != 12.5 || got.Leased.Sub(got.Now) > term {
		t.Errorf("renewed: rate %v, lease %v", got.SendRate, got.Leased.Sub(got.Now))
	}
	lapse()
	taken, err := f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	if taken.Epoch != j.Epoch+1 || taken.StartedAt != j.StartedAt {
		t.Errorf("taken over: %+v", taken)
	}
	if lost, err = f.Renew(f.ctx, alice, term, held); err != nil || len(lost) != 1 {
		t.Errorf("renewing another's lease: %v %v", lost, err)
	}
	if lost, err = f.Renew(f.ctx, alice, term, nil); err != nil || len(lost) != 0 {
		t.Errorf("renewing nothing: %v %v", lost, err)
	}
}

func takeBack(t *testing.T, f *bench) {
	j := f.claimed(alice)
	for _, c := range []struct {
		owner pushd.Owner
		want  int
	}{
		{alice, 0}, {bob, 0}, {pushd.Owner{Instance: "alice", Boot: "2"}, 1}, {pushd.Owner{Instance: "alice", Boot: "2"}, 0},
	} {
		n, err := f.TakeBack(f.ctx, c.owner)
		f.ok(err)
		if n != c.want {
			t.Errorf("%v takes back %d, want %d", c.owner, n, c.want)
		}
	}
	if _, err := f.Claim(f.ctx, bob, j.ID, term); err != nil {
		t.Errorf("claim after take back: %v", err)
	}
}

func renewManyFindsTheLostOnes(t *testing.T, f *bench) {
	const jobs = 210 // more than one statement holds
	var held []pushd.Held
	for i := range jobs {
		j, err := f.Create(f.ctx, pushd.Job{ActID: pushd.ActID(1000 + i), AppID: pushd.AppID(rune('a'+i/26)) + pushd.AppID(rune('a'+i%26)), Deadline: future})
		f.ok(err)
		j, err = f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		held = append(held, pushd.Held{Lease: j.Lease(), SendRate: float64(i)})
	}
	for _, i := range []int{5, 209} {
		f.lapse(held[i].Job)
		_, err := f.Claim(f.ctx, bob, held[i].Job, term)
		f.ok(err)
	}
	lost, err := f.Renew(f.ctx, alice, term, held)
	f.ok(err)
	if len(lost) != 2 {
		t.Errorf("lost %v, want two", lost)
	}
	if got := f.job(held[208].Job).SendRate; got != 208 {
		t.Errorf("rate %v, want 208", got)
	}
	orders, err := f.Orders(f.ctx, alice)
	f.ok(err)
	if len(orders) != jobs-2 {
		t.Errorf("%d orders", len(orders))
	}
}

// A lease that has lapsed is renewed only while the job runs: what was paused
// may have left its account to another job.
func lapsedLeaseOfAPausedJob(t *testing.T, f *bench) {
	j := f.claimed(alice)
	held := []pushd.Held{{Lease: j.Lease()}}
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	next := f.create(43, appID)
	_, err = f.Claim(f.ctx, bob, next.ID, term)
	f.want(err, pushd.ErrAccountBusy) // alice may still have messages in flight
	lost, err := f.Renew(f.ctx, alice, term, held)
	f.ok(err)
	if len(lost) != 0 {
		t.Error("the lease of a paused job is lost before it has lapsed")
	}
	f.lapse(j.ID)
	_, err = f.Claim(f.ctx, bob, next.ID, term)
	f.ok(err)
	if lost, err = f.Renew(f.ctx, alice, term, held); err != nil || len(lost) != 1 {
		t.Errorf("renewed beside another job of the account: lost %v, %v", lost, err)
	}
	if got := f.job(j.ID).Leased; got != 0 {
		t.Errorf("leased until %d", got)
	}
	// What was in flight is told to the ledger all the same.
	f.ok(f.Record(f.ctx, j.Lease(), nil))
}

// A claim begins with nothing of the last owner's, and says when the first was.
func takeover(t *testing.T, f *bench) {
	j := f.claimed(alice)
	lost, err := f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: j.Lease(), SendRate: 12.5}})
	f.ok(err)
	if len(lost) != 0 || f.job(j.ID).SendRate != 12.5 {
		t.Errorf("lost %v, rate %v", lost, f.job(j.ID).SendRate)
	}
	f.lapse(j.ID)
	f.tick()
	got, err := f.Claim(f.ctx, bob, j.ID, 2*term)
	f.ok(err)
	if got.SendRate != 0 || got.StartedAt == 0 || got.StartedAt != j.StartedAt || got.Owner != bob || got.LeaseTerm != 2*term {
		t.Errorf("taken over: %+v", got)
	}
}

// A job that counts as running keeps its account when its lease has lapsed: it is
// the one that goes on.
func lapsedLeaseOfARunningJob(t *testing.T, f *bench) {
	j := f.claimed(alice)
	next := f.create(43, appID)
	f.lapse(j.ID)
	if due, err := f.Due(f.ctx, 10); err != nil || len(due) != 1 || due[0] != j.ID {
		t.Errorf("due %v, %v, want the one that ran", due, err)
	}
	_, err := f.Claim(f.ctx, bob, next.ID, term)
	f.want(err, pushd.ErrAccountBusy)
	_, err = f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
}

// Each renewal changes what is observed of a lease, also one that would end no
// later than the last: the database's clock may have been set back in between.
func renewalsShow(t *testing.T, f *bench) {
	j := f.claimed(alice)
	held := []pushd.Held{{Lease: j.Lease()}}
	var last int64
	for _, term := range []time.Duration{time.Hour, time.Minute, time.Minute} {
		_, err := f.Renew(f.ctx, alice, term, held)
		f.ok(err)
		seen, err := f.Leases(f.ctx)
		f.ok(err)
		if len(seen) != 1 || seen[0].Mark <= last || seen[0].Term != term {
			t.Errorf("renewed for %s: %+v, after %d", term, seen, last)
		}
		last = seen[0].Mark
	}
}
