package fanout

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pushd"
)

// slowHouse is a ledger on which two of the things that are done beside the jobs
// take for ever.
type slowHouse struct {
	pushd.Ledger
}

func (slowHouse) Ended(ctx context.Context, _ pushd.EndMark, _ pushd.Time, _ int) ([]pushd.Job, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (slowHouse) Purge(ctx context.Context, _ pushd.Time) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

// Neither the removal of what is old nor the columns of a long history hold up the
// ends of jobs that are late, nor the sends.
func TestEngine_HouseInTurns(t *testing.T) {
	o := &obstructed{unclaimable: map[pushd.JobID]bool{}}
	crowdOn(t, 2, func(l pushd.Ledger) pushd.Ledger { o.Ledger = slowHouse{l}; return o }, func(w *sim) {
		for act := pushd.ActID(1); act <= 2; act++ {
			j, err := w.ledger.Create(context.Background(), pushd.Job{ID: pushd.NewJobID(), ActID: act, AppID: pushd.AppID(fmt.Sprint("wx", act)),
				StartTime: w.ledger.Channels[act].StartTime, Deadline: pushd.Time(time.Now().Add(time.Minute).UnixMicro())})
			if err != nil {
				w.violated("%v", err)
			}
			o.obstruct(func() { o.unclaimable[j.ID] = act == 1 })
		}
		time.Sleep(time.Minute + 2*houseEvery)
		for act, want := range map[pushd.ActID]pushd.State{1: pushd.Expired, 2: pushd.Succeeded} {
			if j, err := w.ledger.Last(context.Background(), act); err != nil || j.State != want {
				w.violated("the job of channel %d is %s, %v, want %s", act, j.State, err, want)
			}
		}
	})
}
