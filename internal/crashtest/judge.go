package crashtest

import (
	"slices"
	"time"

	"pushd/internal/wechatsim"
)

// longest is how long a job of a scenario may take. No figure is asserted
// with it; it ends a test that hangs.
const longest = 5 * time.Minute

// Verdict is what a scenario demands of a job that has ended. The zero value
// is the strictest: it succeeded, nobody lost, listed, told twice or asked
// without need.
type Verdict struct {
	State    string // "" is succeeded
	Listed   int    // most people listed as unknown or failed
	Twice    int    // most people told more than once
	Kills    int64  // each may cost perStop needless requests, and reasked
	Timeouts bool   // pushd gave up waiting, so that asking again was right
	Reasked  int64  // most people who had refused and are asked again without a kill
	// Lost is how many outcomes the database has forgotten; as many requests may
	// be made again.
	Lost int64
}

// perStop is the target: most needless requests that one kill may cost one
// job.
const perStop = 2 * Concurrency

// reasked is how many people may be asked again after one kill who had
// refused before: the suspects among the answers that the breaker looks at.
const reasked = 200

// Judge looks at a job that has ended. It knows who is on WeChat's list, what
// WeChat accepted, and what the API says; nothing else.
func (w *World) Judge(p *Process, j *Job, v Verdict) wechatsim.Report {
	w.Helper()
	if v.State == "" {
		v.State = "succeeded"
	}
	r := j.Account.Report(w.MsgID(j))
	state, reason := w.State(j)
	if state != v.State {
		w.Errorf("job %s is %s (%s), want %s", j.ID, state, reason, v.State)
	}
	all := w.lists(p, j)
	lost := w.judgeLists(p, j, all)
	listed := all.of("unknown", "failed")
	missed := 0
	for _, id := range j.Account.Missing(w.MsgID(j), 0) {
		if all[id] != "" && !slices.Contains(lost, id) {
			missed++
		}
	}
	w.account(r, len(lost), missed, len(listed), v)
	w.judgeStatus(j, state)
	return r
}

// account puts a report into the row and compares it with what is demanded.
func (w *World) account(r wechatsim.Report, lost, missed, listed int, v Verdict) {
	w.Helper()
	w.Row.mu.Lock()
	w.Row.People += r.Followers
	w.Row.Lost += lost
	w.Row.Listed += missed
	w.Row.Twice += r.More
	w.Row.Needless += needless(r, v)
	w.Row.Reasked += r.Reasked
	w.Row.mu.Unlock()
	switch {
	case lost > 0:
		w.Errorf("%d people lost: %+v", lost, r)
	case listed > v.Listed:
		w.Errorf("%d people are listed as unknown or failed, want at most %d: %+v", listed, v.Listed, r)
	case r.More > v.Twice:
		w.Errorf("%d people told twice, want at most %d: %+v", r.More, v.Twice, r)
	case needless(r, v) > v.Kills*perStop+v.Lost:
		w.Errorf("%d needless requests, want at most %d: %+v", needless(r, v), v.Kills*perStop+v.Lost, r)
	case r.Reasked > v.Reasked+v.Kills*reasked+v.Lost:
		w.Errorf("%d people who had refused were asked again: %+v", r.Reasked, r)
	case r.Strangers > 0:
		w.Errorf("%d sends to nobody's openids", r.Strangers)
	}
}

// needless is how many requests should not have been made to people who can
// be told.
func needless(r wechatsim.Report, v Verdict) int64 {
	n := r.Needless() - r.Reasked
	if v.Timeouts {
		n -= r.AfterGone
	}
	return n
}

// columnFor is how long live_notify_status may take to follow where writing it
// has failed: it is tried again every ten seconds, and that may fail, too.
const columnFor = 45 * time.Second

// judgeStatus demands status 2 if and only if the job succeeded, as soon as the
// column has followed.
func (w *World) judgeStatus(j *Job, state string) {
	w.Helper()
	status := -1
	for end := time.Now().Add(columnFor); time.Now().Before(end); {
		var err error
		status, err = w.Status(w.Context(), j.Channel.ActID)
		w.must(err)
		if status != 1 && (status == 2) == (state == "succeeded") {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-w.Context().Done():
			return
		}
	}
	w.Errorf("live_notify_status is still %d, the job %s", status, state)
}

// Finish waits for the end of a job and judges it.
func (w *World) Finish(p *Process, j *Job, v Verdict) wechatsim.Report {
	w.Helper()
	want := v.State
	if want == "" {
		want = "succeeded"
	}
	w.AwaitState(j, want, longest)
	return w.Judge(p, j, v)
}
