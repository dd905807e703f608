package housekeeping_test

import (
	"testing"
	"time"

	"pushd"
	"pushd/internal/housekeeping"
	"pushd/internal/ledgertest"
)

// Active jobs and those that ended just now are looked at in each round, older
// ones in turns, and those of yesterday never.
func TestReconcile_OftenThenInTurns(t *testing.T) {
	inHouse(t, func(h *house) {
		h.blind = true
		h.ended(1, 10)
		time.Sleep(housekeeping.StandFor)
		h.ended(1001, 2500)
		time.Sleep(housekeeping.FreshFor + time.Minute)
		h.ended(3001, 3020)
		h.job(4000, time.Hour)
		const rounds = 6
		h.rounds(rounds)
		for act, looks := range h.looks {
			low, high := rounds, rounds
			if act <= 2500 {
				low, high = rounds/3-1, rounds/3+1 // 1,500 of them, 700 in each round
			}
			if looks < low || looks > high {
				t.Errorf("channel %d was looked at %d times, want %d to %d", act, looks, low, high)
			}
		}
		if len(h.looks) != 1500+20+1 || h.looks[1] > 0 {
			t.Errorf("%d channels were looked at", len(h.looks))
		}
	})
}

// Whatever the number of those that ended just now, a round is bounded, and all
// have their turn.
func TestReconcile_ManyFreshOnes(t *testing.T) {
	inHouse(t, func(h *house) {
		h.blind = true
		h.ended(1, 2100)
		h.rounds(1)
		if n := len(h.looks); n != 2000 {
			t.Errorf("the first round looked at %d", n)
		}
		h.rounds(1)
		if n := len(h.looks); n != 2100 {
			t.Errorf("the two rounds looked at %d", n)
		}
	})
}

// Of more active jobs than a round looks at all have their turn, and the parked
// ones are counted.
func TestReconcile_ManyActiveJobs(t *testing.T) {
	inHouse(t, func(h *house) {
		h.blind = true
		for act := pushd.ActID(1); act <= 2100; act++ {
			j := h.job(act, time.Hour)
			if act%700 == 0 {
				h.Lock()
				h.ByID[j.ID].State = pushd.Parked
				h.Unlock()
			}
		}
		for _, want := range []int{2000, 2100} {
			h.rounds(1)
			if n := len(h.looks); n != want {
				t.Errorf("%d were looked at, want %d", n, want)
			}
		}
		if n := h.keeper.Parked(); n != 3 {
			t.Errorf("%d are parked, want 3", n)
		}
	})
}

// Where the columns are read together, a round looks at ten times as many, and reads
// the channels of those that are wrong alone.
func TestReconcile_ReadsWhatIsWrong(t *testing.T) {
	inHouse(t, func(h *house) {
		h.blind = true
		h.ended(1, 1900)
		h.rounds(1) // Memory's commands leave the column
		h.ended(2001, 3900)
		h.rounds(2)
		h.blind, h.looks, h.batches = false, map[pushd.ActID]int{}, 0
		h.overwrite(5)
		h.overwrite(3895)
		h.rounds(1)
		if len(h.looks) != 2 || h.looks[5] != 1 || h.looks[3895] != 1 {
			t.Errorf("%d channels were read", len(h.looks))
		}
		if h.column(5) != ledgertest.StatusFailed || h.column(3895) != ledgertest.StatusFailed {
			t.Errorf("the columns are %d and %d", h.column(5), h.column(3895))
		}
		if h.batches > 12 {
			t.Errorf("it took %d statements", h.batches)
		}
	})
}

// A column that somebody has overwritten is right after a round, if its job ended
// just now, and after a turn otherwise.
func TestReconcile_PutsRight(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 1000)
		h.overwrite(5)
		h.rounds(1)
		if got := h.column(5); got != ledgertest.StatusFailed {
			t.Errorf("a fresh one is %d", got)
		}
		time.Sleep(time.Hour)
		h.overwrite(5)
		h.overwrite(995)
		h.rounds(2)
		if h.column(5) != ledgertest.StatusFailed || h.column(995) != ledgertest.StatusFailed {
			t.Errorf("older ones are %d and %d", h.column(5), h.column(995))
		}
		if corrected, failed := h.keeper.Corrected(); corrected != 1000+2 || failed != 0 { // Memory's commands leave the column
			t.Errorf("%d corrected, %d failed", corrected, failed)
		}
	})
}

// A row of which another column can't be used does not keep its status wrong; where
// that is the start, only a 1 that no job stands for is overwritten.
func TestReconcile_RowsThatCannotBeUsed(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 3)
		h.rounds(1)
		h.bad = map[pushd.ActID]error{1: &pushd.ChannelError{Column: "title"}, 2: &pushd.ChannelError{Column: "start_time"}, 3: &pushd.ChannelError{Column: "start_time"}}
		h.Lock()
		h.Channels[2].StartTime, h.Channels[3].StartTime = 0, 0 // not known
		h.SetStatus(1, pushd.StatusNotNotified)
		h.SetStatus(2, pushd.StatusNotNotified)
		h.SetStatus(3, pushd.StatusNotifying)
		h.Unlock()
		h.rounds(1)
		for act, want := range map[pushd.ActID]int{1: ledgertest.StatusFailed, 2: pushd.StatusNotNotified, 3: ledgertest.StatusFailed} {
			if got := h.column(act); got != want {
				t.Errorf("the column of channel %d is %d, want %d", act, got, want)
			}
		}
	})
}

// A column that can't be written is tried until it is right, also when its job
// ended longer ago than others are looked after, and holds up no other.
func TestReconcile_LockedColumns(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 9)
		for act := pushd.ActID(1); act <= 8; act++ {
			h.locked[act] = true
		}
		h.rounds(5)
		if got := h.column(9); got != ledgertest.StatusFailed {
			t.Errorf("the column of the one that is not locked is %d", got)
		}
		h.rounds(int((housekeeping.StandFor + time.Hour) / (10 * time.Second)))
		clear(h.locked)
		h.rounds(2)
		for act := pushd.ActID(1); act <= 8; act++ {
			if got := h.column(act); got != ledgertest.StatusFailed {
				t.Errorf("the column of channel %d is %d when all is well again", act, got)
			}
		}
		looks := h.looks[1]
		h.rounds(3)
		if h.looks[1] != looks {
			t.Errorf("one that is right is looked at still")
		}
	})
}

// A job that was removed while its column could not be written is forgotten.
func TestReconcile_LockedColumnOfARemovedJob(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 1)
		h.locked[1] = true
		h.rounds(1)
		job, err := h.Last(h.ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		h.Lock()
		delete(h.ByID, job.ID)
		h.Unlock()
		h.rounds(2)
		clear(h.locked)
		looks := h.looks[1]
		h.rounds(2)
		if h.looks[1] != looks {
			t.Error("it is looked at still")
		}
	})
}

// Active jobs whose columns can't be written hold up no other in their round,
// which begins with the first of them each time.
func TestReconcile_LockedColumnsOfActiveJobs(t *testing.T) {
	inHouse(t, func(h *house) {
		for act := pushd.ActID(1); act <= 9; act++ {
			h.job(act, time.Hour)
			h.overwrite(act)
			h.locked[act] = act < 9
		}
		h.rounds(6)
		if got := h.column(9); got != pushd.StatusNotifying {
			t.Errorf("the column of the one that is not locked is %d", got)
		}
	})
}
