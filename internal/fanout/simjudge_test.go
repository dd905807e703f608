package fanout

import (
	"time"

	"pushd"
)

// judge compares what the ledger says with what WeChat saw.
func (w *sim) judge() {
	for _, j := range w.ledger.jobs {
		job := j.read(0)
		w.judgeEnd(job)
		if len(j.twice) > 0 {
			w.violated("stored twice: %v", j.twice)
		}
		sums, states := pushd.Counts{}, map[pushd.OpenID]pushd.Person{}
		for i, row := range j.progress {
			people, err := pushd.DecodePersons(row.Outcomes, row.People)
			if err != nil {
				w.violated("page %d: %v", i+1, err)
				continue
			}
			for at, p := range people {
				states[j.pages[i].OpenIDs[at]] = p
				s := sheet{counts: sums}
				s.tally(p.State, 1)
				sums = s.counts
			}
		}
		if sums.Sent != job.Counts.Sent || sums.Skipped != job.Counts.Skipped || sums.Failed != job.Counts.Failed || sums.Unknown != job.Counts.Unknown {
			w.violated("the sums are %+v, the people say %+v", job.Counts, sums)
		}
		w.judgePeople(j, job, states)
	}
	w.judgeStatus()
}

// judgeEnd says whether a job may have ended as it did.
func (w *sim) judgeEnd(job pushd.Job) {
	allowed := map[pushd.Reason]fault{
		pushd.CanceledByUser: commands, pushd.ReminderOff: switchedOff, pushd.StartMoved: moves, pushd.DeadlinePassed: shortDeadline,
		pushd.WalkIncomplete: oddPages | churn | tokensStolen,
	}
	if job.State.Ended() && job.State != pushd.Succeeded && !(w.damaged && job.Reason == pushd.LedgerMismatch) && (w.faults|w.excuse)&allowed[job.Reason] == 0 {
		w.violated("the job ended %s: %s (%s)", job.State, job.Reason, job.Detail)
	}
	if job.State == pushd.Succeeded && (!job.Walk.Complete || job.Counts.Settled() != job.Walk.Walked) {
		w.violated("succeeded with %d of %d accounted for, walk complete: %v", job.Counts.Settled(), job.Walk.Walked, job.Walk.Complete)
	}
}

func (w *sim) judgePeople(j *fakeJob, job pushd.Job, states map[pushd.OpenID]pushd.Person) {
	again, wasted, innocent := 0, 0, 0
	for who, state := range states {
		p := w.wechat.person(recipient{job.MsgID, who})
		wasted += p.unexcused
		// A person who resumes the job, a packet on its way through a freeze, and
		// a new life whose last one could not record the answer, may come early.
		if p.early > 0 && !p.unknown && w.ledger.unclean[job.ID] == 0 && w.faults&(commands|freezes|clockSteps) == 0 {
			w.violated("%s was asked again %s too soon", who, p.early)
		}
		if len(p.told) > 1 && !j.freed[who] {
			again += len(p.told) - 1
		}
		if !state.State.Settled() && job.State == pushd.Succeeded {
			w.violated("%s is %s and the job succeeded", who, state.State)
		}
		switch state.State {
		case pushd.PersonSent:
			if len(p.told) == 0 { // whatever the program believes
				w.violated("%s counts as sent and was not told", who)
			}
		case pushd.PersonFailed, pushd.Refused, pushd.Untouched:
			if len(p.told) > 0 && !(state.State == pushd.Untouched) && !j.freed[who] {
				w.violated("%s counts as %s (%d) and was told", who, state.State, state.Code)
			}
		case pushd.PersonSkipped:
			if len(p.told) > 0 && !p.unknown && w.ledger.unclean[job.ID] == 0 && !w.wechat.gone[who] {
				w.violated("%s counts as skipped (%d) and was told", who, state.Code)
			}
			if p.code == 0 && !w.wechat.gone[who] && who[0] == 'o' {
				innocent++
			}
		case pushd.PersonUnknown:
			if p.requests == 0 && !p.unknown && w.ledger.unclean[job.ID] == 0 {
				w.violated("%s counts as unknown and was never asked for", who)
			}
		}
	}
	if innocent >= canarySize || innocent > 0 && w.faults&tokensStolen == 0 {
		w.violated("%d people were skipped who can receive", innocent)
	}
	if allowed := int(job.Counts.InDoubt); again > allowed && w.faults&clockSteps == 0 {
		w.violated("%d people were told twice, the job says %d", again, allowed)
	}
	if again > 0 && w.cfg.Ambiguous == Unknown && w.faults&clockSteps == 0 {
		w.violated("%d people were told twice in spite of %s", again, Unknown)
	}
	if allowed := 2 * w.cfg.Concurrency * w.ledger.unclean[job.ID]; wasted > allowed {
		w.violated("%d requests for nothing, allowed are %d", wasted, allowed)
	}
	if job.State == pushd.Succeeded {
		w.judgeLost(job, states)
	}
}

// judgeLost looks for followers of the whole time whom a job never listed, or
// did not tell although nothing was against it.
func (w *sim) judgeLost(job pushd.Job, states map[pushd.OpenID]pushd.Person) {
	missing := 0
	for _, who := range w.wechat.followers {
		_, listed := states[who]
		if joined := len(who) > 5; !listed && !joined {
			missing++
		}
	}
	// A list that breaks off so near its end is not told from people who left.
	if missing > 0 && w.faults&oddPages == 0 || missing > shortPeople {
		w.violated("%d follow and were never listed", missing)
	}
	for who, state := range states {
		p := w.wechat.person(recipient{job.MsgID, who})
		if state.State == pushd.PersonFailed && p.code == 0 && w.faults&(busyWeChat|outages|timeouts) == 0 {
			w.violated("%s failed (%d) for no reason", who, state.Code)
		}
	}
}

// judgeStatus holds the column against the newest job of each channel.
func (w *sim) judgeStatus() {
	for id, ch := range w.ledger.channels {
		var newest *fakeJob
		for _, j := range w.ledger.jobs {
			if j.ActID == id && w.ledger.newest(j) {
				newest = j
			}
		}
		if newest == nil || newest.StartTime != ch.StartTime || time.Since(newest.FinishedAt.Std()) > reconcileSpan {
			continue
		}
		if want := Projection(newest.Job, w.ledger.failed); *ch.Status != want {
			w.violated("status is %d, the newest job is %s: want %d", *ch.Status, newest.State, want)
		}
	}
}
