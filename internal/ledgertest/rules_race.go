package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"pushd"
)

// rounds of a race; each must have exactly one winner.
const rounds = 200

func raceRules() []rule {
	return []rule{
		{"ClaimHasOneWinner", claimHasOneWinner},
		{"AccountRunsOneJob", accountRunsOneJob},
		{"ThousandCreatesMakeOneJob", thousandCreatesMakeOneJob},
		{"CommandAndFinishFirstWins", commandAndFinishFirstWins},
		{"NothingLandsAfterAClaim", nothingLandsAfterAClaim},
	}
}

func claimHasOneWinner(t *testing.T, f *bench) {
	stores := []Ledger{f.Ledger, f.Again()}
	id := f.create(actID, appID).ID
	for round := range rounds {
		var winners atomic.Int64
		var epoch atomic.Int64
		atOnce(6, func(i int) {
			owner := pushd.Owner{Instance: fmt.Sprint("p", i), Boot: "1"}
			j, err := stores[i%2].Claim(f.ctx, owner, id, term)
			switch {
			case err == nil && j.Owner == owner:
				winners.Add(1)
				epoch.Store(j.Epoch)
			case !errors.Is(err, pushd.ErrLost):
				t.Errorf("round %d: %v", round, err)
			}
		})
		if winners.Load() != 1 || epoch.Load() != int64(round+1) {
			t.Fatalf("round %d: %d winners, epoch %d", round, winners.Load(), epoch.Load())
		}
		f.lapse(id)
	}
}

// Two channels may share an account: only one of their jobs runs.
func accountRunsOneJob(t *testing.T, f *bench) {
	var ids []pushd.JobID
	for i := range 4 {
		ids = append(ids, f.create(actID+pushd.ActID(i), appID).ID)
	}
	for round := range rounds / 4 {
		var winners atomic.Int64
		leases := make([]pushd.Lease, len(ids))
		atOnce(len(ids), func(i int) {
			j, err := f.Claim(f.ctx, alice, ids[i], term)
			switch {
			case err == nil:
				winners.Add(1)
				leases[i] = j.Lease()
			case !errors.Is(err, pushd.ErrAccountBusy):
				t.Errorf("round %d: %v", round, err)
			}
		})
		if winners.Load() != 1 {
			t.Fatalf("round %d: %d jobs of one account run", round, winners.Load())
		}
		if due, err := f.Due(f.ctx, 10); err != nil || len(due) != 0 {
			t.Fatalf("due while the account is busy: %v %v", due, err)
		}
		for _, l := range leases {
			if l.Job != "" {
				f.ok(f.Release(f.ctx, l))
			}
		}
	}
}

func thousandCreatesMakeOneJob(t *testing.T, f *bench) {
	stores := []Ledger{f.Ledger, f.Again()}
	var made, refused atomic.Int64
	atOnce(1000, func(i int) {
		_, err := stores[i%2].Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
		switch {
		case err == nil:
			made.Add(1)
		case errors.Is(err, pushd.ErrExists):
			refused.Add(1)
		default:
			t.Error(err)
		}
	})
	if made.Load() != 1 || refused.Load() != 999 {
		t.Errorf("%d made, %d refused", made.Load(), refused.Load())
	}
	if jobs, _, err := f.Jobs(f.ctx, pushd.Filter{Limit: 10}); err != nil || len(jobs) != 1 || f.status(actID) != 1 {
		t.Errorf("%d jobs, %v, status %d", len(jobs), err, f.status(actID))
	}
}

// A cancel and the finish race: one of them decides, for the state and for
// the column alike.
func commandAndFinishFirstWins(t *testing.T, f *bench) {
	won := map[pushd.State]int{}
	for round := range rounds / 4 {
		act := actID + 1 + pushd.ActID(round)
		j := f.create(act, pushd.AppID(fmt.Sprint("wx", round)))
		j, err := f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		f.ok(f.SaveWalk(f.ctx, j.Lease(), pushd.Walk{Pass: 1, Complete: true}))
		errs := make([]error, 2)
		atOnce(2, func(i int) {
			if i == 0 {
				errs[0] = f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded})
			} else {
				_, errs[1] = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser})
			}
		})
		wantState, wantStatus := pushd.Succeeded, 2
		if errs[0] != nil {
			wantState, wantStatus = pushd.Canceled, 1 // it follows in a second step
			slices.Reverse(errs)
		}
		won[wantState]++
		if errs[0] != nil || !errors.Is(errs[1], pushd.ErrLost) {
			t.Fatalf("round %d: winner's error %v, loser's %v", round, errs[0], errs[1])
		}
		if got := f.job(j.ID).State; got != wantState || f.status(act) != wantStatus {
			t.Fatalf("round %d: state %s, status %d; want %s, %d", round, got, f.status(act), wantState, wantStatus)
		}
	}
	t.Logf("won: %v", won)
}

// Whoever claims while the old owner is still writing: what was answered as
// written before the claim is in, and nothing lands after it.
func nothingLandsAfterAClaim(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB", "oC"})
	for range rounds / 4 {
		f.lapse(j.ID)
		var claimed pushd.Job
		var seen []pushd.Progress
		old := j.Lease()
		atOnce(3, func(i int) {
			if i < 2 {
				for mark := 1; mark <= 3; mark++ {
					err := f.Record(f.ctx, old, []pushd.Progress{{Page: 1, People: 3, Mark: mark}})
					if err != nil && !errors.Is(err, pushd.ErrLost) {
						t.Error(err)
					}
				}
				return
			}
			var err error
			if claimed, err = f.Claim(f.ctx, bob, j.ID, term); err != nil {
				t.Error(err)
			}
			seen, _ = f.Progress(f.ctx, j.ID, 1, 1)
		})
		now, err := f.Progress(f.ctx, j.ID, 1, 1)
		f.ok(err)
		if len(seen) != 1 || now[0].Mark != seen[0].Mark {
			t.Fatalf("mark was %v when the claim was answered, and is %d", seen, now[0].Mark)
		}
		j = claimed
	}
}
