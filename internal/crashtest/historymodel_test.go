package crashtest

import (
	"fmt"
	"math"

	"github.com/anishathalye/porcupine"

	"pushd"
)

// The sequential model of the ledger: what each call to it may answer, and what
// it leaves behind, if calls came one at a time. Two jobs of one account, so
// that "one lease an account" is part of it. It mirrors the SQL of
// internal/store (store/claim.go, store/lease.go, store/park.go,
// store/progress.go, store/finish.go, store/command.go) and shares no code with it.

// jobs is how many jobs there are, of one account.
const jobs = 2

// verb is a call to the ledger.
type verb string

const (
	vClaim    verb = "claim"
	vRenew    verb = "renew"
	vLeases   verb = "leases" // what a watcher sees
	vLapse    verb = "lapse"
	vTakeBack verb = "take back"
	vRelease  verb = "release"
	vPark     verb = "park"
	vFinish   verb = "finish"
	vRecord   verb = "record"
	vRead     verb = "read"
	vShow     verb = "show"
	vPause    verb = "pause"
	vResume   verb = "resume"
	vCancel   verb = "cancel"
	vContinue verb = "continue"
)

// worker is a life of a process; the zero value is none.
type worker struct{ process, boot int }

// call is what is asked of the ledger.
type call struct {
	verb  verb
	job   int
	by    worker
	epoch int64
	mark  int64 // of the lease that was observed
	rev   int64 // which record of its process this is
	value int   // what is recorded
}

// answer is what came back.
type answer struct {
	unknown bool  // it was lost: the call may have been carried out, or not, or will be
	err     error // one of fanout's
	epoch   int64
	state   pushd.State
	by      worker
	value   int
	count   int
	leases  [jobs]seenLease
}

// seenLease is a held lease as Leases shows it; the zero value is none.
type seenLease struct{ epoch, mark int64 }

// row is one job: its row of pushd_job and one of pushd_progress.
type row struct {
	state   pushd.State
	epoch   int64
	by      worker
	held    bool  // lease_until <> 0
	mark    int64 // lease_until; 0: nobody has seen it since it was written
	account bool  // active_appid is set
	// The page's progress: the epoch that may write it, the newest record
	// of that epoch, and what is in it.
	pageEpoch, rev int64
	value          int
}

// books are all rows.
type books [jobs]row

// want is one outcome that the model allows.
type want struct {
	ok    bool // the answer fits
	after books
}

// step says what a call does to the books, and whether the answer is the one
// that it gives.
func (b books) step(c call, a answer) want {
	r := &b[c.job] // b is a copy
	switch c.verb {
	case vClaim:
		switch {
		case !r.claimable():
			return want{a.err == pushd.ErrLost, b}
		case b[1-c.job].account:
			return want{a.err == pushd.ErrAccountBusy, b}
		}
		*r = row{state: pushd.Running, epoch: r.epoch + 1, by: c.by, held: true, account: true, pageEpoch: r.epoch + 1, value: r.value}
		return want{a.err == nil && a.epoch == r.epoch && a.state == pushd.Running && a.by == c.by, b}
	case vRenew:
		if !r.renewable(c) {
			return want{a.err == pushd.ErrLost, b}
		}
		r.held, r.mark = true, 0
		return want{a.err == nil, b}
	case vLeases:
		return b.leases(a)
	case vLapse:
		if !r.held || r.epoch != c.epoch || r.mark != c.mark {
			return want{a.count == 0, b}
		}
		r.lapse()
		return want{a.count == 1, b}
	case vTakeBack:
		n := 0
		for i := range b {
			if b[i].held && b[i].by.process == c.by.process && b[i].by.boot != c.by.boot {
				b[i].lapse()
				n++
			}
		}
		return want{a.count == n, b}
	case vRelease:
		if r.epoch == c.epoch && r.by != (worker{}) {
			r.letGo()
			if r.state == pushd.Running {
				r.state = pushd.Queued
			}
			r.close()
		}
		return want{a.err == nil, b}
	case vPark, vFinish:
		if r.epoch != c.epoch || r.by == (worker{}) || r.state != pushd.Running {
			return want{a.err == pushd.ErrLost, b}
		}
		r.letGo()
		if r.state = pushd.Parked; c.verb == vFinish {
			r.state = pushd.Failed
		}
		r.close()
		return want{a.err == nil, b}
	case vRecord:
		if r.pageEpoch != c.epoch || r.rev > c.rev {
			return want{a.err == pushd.ErrLost, b}
		}
		r.rev, r.value = c.rev, c.value
		return want{a.err == nil, b}
	case vRead:
		return want{a.value == r.value, b}
	case vShow:
		return want{a.epoch == r.epoch && a.state == r.state && a.by == r.by, b}
	}
	return b.command(c, a)
}

// command is step for what people ask.
func (b books) command(c call, a answer) want {
	r := &b[c.job]
	ended := !r.state.Active()
	if ended != (c.verb == vContinue) || r.state == pushd.Succeeded {
		return want{a.err == pushd.ErrLost, b}
	}
	switch c.verb {
	case vPause:
		r.state = pushd.Paused
	case vCancel:
		r.state = pushd.Canceled
		r.close()
	case vContinue:
		r.state = pushd.Queued
	case vResume:
		if r.state != pushd.Paused {
			return want{a.err == nil && a.state == r.state && a.epoch == r.epoch, b}
		}
		r.state = pushd.Queued
	}
	if !r.held && c.verb != vResume { // a paused job without a lease has no account
		r.account = false
	}
	if !r.held && r.state == pushd.Queued {
		r.epoch++
	}
	return want{a.err == nil && a.state == r.state && a.epoch == r.epoch, b}
}

// leases is step for what a watcher sees. A lease that was written since the
// last look gets its mark from it.
func (b books) leases(a answer) want {
	for i := range b {
		r, seen := &b[i], a.leases[i]
		if !r.held || r.by == (worker{}) {
			if seen != (seenLease{}) {
				return want{false, b}
			}
			continue
		}
		if r.mark == 0 {
			r.mark = seen.mark
		}
		if seen != (seenLease{r.epoch, r.mark}) {
			return want{false, b}
		}
	}
	return want{true, b}
}

func (r row) claimable() bool {
	return !r.held && (r.state == pushd.Queued || r.state == pushd.Running || r.state == pushd.Parked)
}

func (r row) renewable(c call) bool {
	return r.by == c.by && r.epoch == c.epoch && (r.held || r.state == pushd.Running)
}

// lapse frees a lease whose owner did not give it back.
func (r *row) lapse() {
	r.held, r.mark, r.account = false, 0, r.account && r.state == pushd.Running
}

// letGo is what a worker does at its end.
func (r *row) letGo() { r.held, r.mark, r.account, r.by = false, 0, false, worker{} }

// close lets no record land any more on a job that has ended and has no worker: its
// sums are stored.
func (r *row) close() {
	if !r.state.Active() && r.by == (worker{}) {
		r.pageEpoch = 0
	}
}

// sound says what must be true at any moment.
func (b books) sound() bool { return !(b[0].held && b[1].held) && !(b[0].account && b[1].account) }

// ledgerModel is the model for the checker. A call whose answer was lost may
// have happened at any time since, or never.
func ledgerModel(initial books) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initial} },
		Step: func(state, input, output any) []any {
			b, c, a := state.(books), input.(call), output.(answer)
			if !a.unknown {
				if w := b.step(c, a); w.ok && w.after.sound() {
					return []any{w.after}
				}
				return nil
			}
			w := b.step(c, answer{})
			switch {
			case c.verb.reads() || w.after == b:
				return []any{b}
			case !w.after.sound():
				return nil
			}
			return []any{b, w.after}
		},
		Equal:             func(x, y any) bool { return x.(books) == y.(books) },
		DescribeOperation: func(input, output any) string { return describeCall(input.(call), output.(answer)) },
		DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
	}
	return m.ToModel()
}

func (v verb) reads() bool { return v == vLeases || v == vRead || v == vShow }

func describeCall(c call, a answer) string {
	text := fmt.Sprintf("%s %d", c.verb, c.job)
	switch c.verb {
	case vClaim, vTakeBack:
		text += fmt.Sprintf(" by %v", c.by)
	case vRecord:
		text += fmt.Sprintf(" @%d = %d", c.epoch, c.value)
	case vLapse:
		text += fmt.Sprintf(" @%d mark %d", c.epoch, c.mark%1e9)
	case vRenew, vRelease, vPark, vFinish:
		text += fmt.Sprintf(" @%d by %v", c.epoch, c.by)
	}
	switch {
	case a.unknown:
		return text + ": answer lost"
	case a.err != nil:
		return text + ": " + a.err.Error()
	}
	return fmt.Sprintf("%s: %s @%d %v value %d count %d %v", text, a.state, a.epoch, a.by, a.value, a.count, a.leases)
}

// never is the return of a call whose answer was lost.
const never = math.MaxInt64
