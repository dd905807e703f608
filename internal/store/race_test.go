package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pushd"
	"pushd/internal/store"
)

// at once runs f(0) … f(n-1) as simultaneously as goroutines can.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gun
			f(i)
		})
	}
	close(gun)
	wg.Wait()
}

// rounds of a race; each must have exactly one winner.
const rounds = 200

func TestStore_ClaimHasOneWinner(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		stores := []*store.Store{f.Store, f.again()}
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
				case err != pushd.ErrLost:
					t.Errorf("round %d: %v", round, err)
				}
			})
			if winners.Load() != 1 || epoch.Load() != int64(round+1) {
				t.Fatalf("round %d: %d winners, epoch %d", round, winners.Load(), epoch.Load())
			}
			f.set(`UPDATE pushd_job SET lease_until = 0`)
		}
	})
}

// Two channels may share an account: only one of their jobs runs.
func TestStore_AccountRunsOneJob(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
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
				case err != pushd.ErrAccountBusy:
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
	})
}

func TestStore_ThousandCreatesMakeOneJob(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		stores := []*store.Store{f.Store, f.again()}
		var made, refused atomic.Int64
		atOnce(1000, func(i int) {
			_, err := stores[i%2].Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
			switch err {
			case nil:
				made.Add(1)
			case pushd.ErrExists:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
		if made.Load() != 1 || refused.Load() != 999 {
			t.Errorf("%d made, %d refused", made.Load(), refused.Load())
		}
		if n := f.number(`SELECT COUNT(*) FROM pushd_job`); n != 1 || f.status(actID) != 1 {
			t.Errorf("%d jobs, status %d", n, f.status(actID))
		}
	})
}

// A cancel and the finish race: one of them decides, for the state and for
// the column alike.
func TestStore_CommandAndFinishFirstWins(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
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
			wantState, wantStatus := pushd.Succeeded, int64(2)
			if errs[0] != nil {
				wantState, wantStatus = pushd.Canceled, 1 // it follows in a second step
				slices.Reverse(errs)
			}
			won[wantState]++
			if errs[0] != nil || errs[1] != pushd.ErrLost {
				t.Fatalf("round %d: winner's error %v, loser's %v", round, errs[0], errs[1])
			}
			if got := f.job(j.ID).State; got != wantState || f.status(act) != wantStatus {
				t.Fatalf("round %d: state %s, status %d; want %s, %d", round, got, f.status(act), wantState, wantStatus)
			}
		}
		t.Logf("won: %v", won)
	})
}

// Whoever claims while the old owner is still writing: what was answered as
// written before the claim is in, and nothing lands after it.
func TestStore_NothingLandsAfterAClaim(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA", "oB", "oC"})
		for range rounds / 4 {
			f.set(`UPDATE pushd_job SET lease_until = 0`)
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
	})
}
