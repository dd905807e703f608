package fanout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pushd"
	"pushd/internal/fanout/breaker"
	"pushd/internal/housekeeping"
	"pushd/internal/lease"
)

// The judge knows who is on WeChat's list, what WeChat accepted and answered,
// and what the API says at the end. What it lets pass follows from the facts of
// the world outside of pushd, person by person.

// judge compares what the API says with what WeChat saw.
func (w *sim) judge() {
	ids := map[pushd.ActID]map[pushd.MsgID]bool{1: {}, 2: {}}
	for _, id := range w.ledger.IDs() {
		j := w.ledger.ByID[id]
		job := w.ledger.Read(j)
		ids[job.ActID][job.MsgID] = true
		w.judgeEnd(job)
		if job.Audience.Or("") != w.audience.Or("") {
			w.violated("the job is for %s, asked for was %s", job.Audience, w.audience)
		}
		if len(j.Twice) > 0 {
			w.violated("stored twice: %v", j.Twice)
		}
		_, people := w.ledger.Everyone(id)
		w.judgeSums(job, people)
		for _, who := range slices.Sorted(maps.Keys(people)) {
			w.judgePerson(job, recipient{job.MsgID, who}, people[who])
		}
		w.judgeAll(job, people)
		w.judgeUnlisted(job, people)
		if job.State == pushd.Succeeded {
			w.judgeLost(people)
		}
	}
	for id, messages := range ids {
		if most := 1 + w.outside.restarts[id] + w.outside.moved[id]; len(messages) > most && w.outside.forgotAt.IsZero() {
			w.violated("channel %d: %d messages to everybody, asked for were %d at most", id, len(messages), most)
		}
	}
	w.judgeStatus()
	w.judgeBrakes(ids)
	w.judgeFirst()
	w.judgeRefusals()
}

// judgeEnd says whether a job may have ended as it did.
func (w *sim) judgeEnd(job pushd.Job) {
	f := w.outside
	slack := lease.SlowReading + f.back // by which a process's idea of the database's clock may be ahead
	if w.faults&processClocks != 0 {
		slack += 31 * time.Second
	}
	may := map[pushd.Reason]bool{
		pushd.CanceledByUser: f.canceled[job.ID], pushd.ReminderOff: f.off, pushd.StartMoved: f.moved[job.ActID] > 0,
		pushd.DeadlinePassed: job.FinishedAt.Add(slack) >= job.Deadline,
		pushd.ChannelGone:    w.faults&vanish != 0,
		pushd.WalkIncomplete: len(w.wechat.hidden) > 0 || w.wechat.churned || w.faults&(tokensStolen|oddPages) != 0,
		pushd.WeChatRefused:  f.refused[pushd.WeChatRefused] || w.refusedAlways(48003) >= breaker.Size || w.knobs[repeatAnswer] != 0 && (w.ledger.Life() > 0 || job.Counts.Sent == 0),
		// Half of those whom it could reach failed, each with a code that WeChat gave.
		pushd.TooManyFailures: f.refused[pushd.TooManyFailures] || job.Counts.Failed+job.Counts.Unknown > 0 && job.Counts.Sent == 0 || job.Counts.Failed >= fewFailed && 2*job.Counts.Failed >= job.Counts.Settled()-job.Counts.Skipped,
		pushd.LedgerMismatch:  w.damaged,
	}
	if job.State.Ended() && job.State != pushd.Succeeded && !may[job.Reason] {
		w.violated("the job ended %s: %s (%s)", job.State, job.Reason, job.Detail)
	}
	if job.State == pushd.Succeeded && (!job.Walk.Complete || job.Counts.Settled() != job.Walk.Walked) {
		w.violated("succeeded with %d of %d accounted for, walk complete: %v", job.Counts.Settled(), job.Walk.Walked, job.Walk.Complete)
	}
}

// refusedAlways counts those whom WeChat refuses with code whatever they are sent.
func (w *sim) refusedAlways(code int) (n int) {
	for _, p := range w.wechat.codes {
		if p.code == code {
			n++
		}
	}
	return n
}

// unfinished says why a channel's reminder has not been brought to its end; "" if
// it has, or if nothing can.
func (w *sim) unfinished(id pushd.ActID) string {
	ch := w.ledger.Channels[id]
	deadline := pushd.Time(ch.StartTime * 1e6).Add(w.cfg.Grace)
	job, err := w.ledger.Newest(context.Background(), id, ch.StartTime)
	if err == nil {
		deadline = job.Deadline
	}
	switch {
	case err == nil && job.State == pushd.Succeeded:
	case w.ledger.Clock() >= deadline, id == 1 && w.outside.off:
	case err != nil && *ch.Status == pushd.StatusDone: // the platform says that it was sent before
	case w.ledger.Life() > 0 && w.knobs[repeatAnswer] != 0:
		// The database has lost who got the message, and WeChat refuses to repeat it.
	case err == nil && job.State == pushd.Failed && w.allRefuse(job.ID):
	default:
		return fmt.Sprintf("channel %d can't be brought to its end: %v %s %s (%s)", id, err, job.State, job.Reason, job.Detail)
	}
	return ""
}

// allRefuse says that whoever has no outcome in a job can't receive anything.
func (w *sim) allRefuse(id pushd.JobID) bool {
	_, people := w.ledger.Everyone(id)
	for who, p := range people {
		if !p.State.Settled() && w.wechat.codes[who].code == 0 && !w.wechat.gone[who] {
			return false
		}
	}
	return true
}

// judgeSums holds the sums against the lists.
func (w *sim) judgeSums(job pushd.Job, people map[pushd.OpenID]pushd.Person) {
	var sums pushd.Counts
	for _, p := range people {
		switch p.State {
		case pushd.PersonSent:
			sums.Sent++
		case pushd.PersonSkipped:
			sums.Skipped++
		case pushd.PersonFailed:
			sums.Failed++
		case pushd.PersonUnknown:
			sums.Unknown++
		}
	}
	c := job.Counts
	if sums.Sent != c.Sent || sums.Skipped != c.Skipped || sums.Failed != c.Failed || sums.Unknown != c.Unknown {
		w.violated("the sums are %+v, the lists say %+v", c, sums)
	}
	if job.Walk.Walked != int64(len(people)) {
		w.violated("%d are walked, the lists have %d", job.Walk.Walked, len(people))
	}
}

// judgePerson holds the list on which a person stands against what WeChat
// accepted and answered.
func (w *sim) judgePerson(job pushd.Job, r recipient, person pushd.Person) {
	p := w.wechat.person(r)
	told := len(p.told) > 0
	switch person.State {
	case pushd.PersonSent:
		// Two 40241 more than a minute apart are proof, unless another sender of
		// the account, whom pushd can't see, has met the person twice.
		if !told && p.aliens < 2 {
			w.violated("%s counts as sent and was not told", r.to)
		}
	case pushd.PersonFailed:
		if told && !w.outside.forgotten[r] {
			w.violated("%s counts as failed (%d) and was told", r.to, person.Code)
		}
	case pushd.PersonSkipped:
		if told && p.heard && !w.outside.doubt[r] && !w.outside.forgotten[r] {
			w.violated("%s counts as skipped (%d), and WeChat was heard to accept", r.to, person.Code)
		}
	case pushd.PersonUnknown:
		if p.requests == 0 && !p.unknown && w.ledger.Unclean[job.ID] == 0 && w.ledger.Life() == 0 {
			w.violated("%s counts as unknown (%d) and was never asked for", r.to, person.Code)
		}
	default:
		if job.State == pushd.Succeeded {
			w.violated("%s is %s and the job succeeded", r.to, person.State)
		}
	}
	answered := person.State == pushd.PersonSkipped || person.State == pushd.PersonFailed
	if person.State == pushd.PersonSkipped && person.Code == pushd.CodeRefusedBefore {
		if told || !w.hasRefused(r.to) {
			w.violated("%s was not asked because they had refused, told %v", r.to, told)
		}
		return
	}
	if answered && !p.answers[int(person.Code)] {
		w.violated("%s counts as %s with %d, which was never answered", r.to, person.State, person.Code)
	}
	if p.early > 0 && w.strict() && !p.unknown && w.ledger.Unclean[job.ID] == 0 {
		w.violated("%s was asked again %s too soon", r.to, p.early)
	}
}

// judgeAgain is told when somebody gets a message a second time, by a process:
// WeChat has forgotten the first by then. took is how long the request was on its
// way.
func (w *sim) judgeAgain(by *process, p *fakePerson, r recipient, took time.Duration) {
	f := &w.outside
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.forgotten[r]: // what was committed is lost
	case took > w.cfg.SendTimeout, by.odd(): // the process was frozen when it had begun, or its clock stood still
	case p.heard && !f.doubt[r]:
		w.violated("%s was told twice, although it was heard that they have it", r.to)
	case w.cfg.Ambiguous == Unknown && !f.accepted[r.msg] && f.back <= pushd.ClockSlack:
		w.violated("%s was told twice in spite of %s", r.to, Unknown)
	default:
		p.again++
	}
}

// strict says that nothing is drawn which makes requests for nothing, or too
// soon, somebody's right.
func (w *sim) strict() bool {
	return w.ledger.Life() == 0 && w.faults&(commands|freezes|standstills|processClocks|clockSteps|staleReads|moves|asksAgain|staleSave) == 0
}

// judgeAll judges the people of a job together.
func (w *sim) judgeAll(job pushd.Job, people map[pushd.OpenID]pushd.Person) {
	again, wasted, innocent := 0, 0, 0
	for who, person := range people {
		p := w.wechat.person(recipient{job.MsgID, who})
		again += p.again
		wasted += p.unexcused
		if person.State == pushd.PersonSkipped && p.code == 0 && !w.wechat.gone[who] && who[0] == 'o' {
			innocent++
		}
	}
	if innocent > 0 && w.faults&refuseAll == 0 {
		w.violated("%d people were skipped who can receive", innocent)
	}
	if told := int(job.Counts.InDoubt); again > told && w.outside.back <= pushd.ClockSlack && w.ledger.Life() == 0 {
		w.violated("%d people were told twice, the API says %d", again, told)
	}
	if allowed := 2 * w.cfg.Concurrency * w.ledger.Unclean[job.ID]; wasted > allowed && w.strict() {
		w.violated("%d requests for nothing, allowed are %d", wasted, allowed)
	}
}

// judgeUnlisted looks for those who got a job's message and are on no list.
func (w *sim) judgeUnlisted(job pushd.Job, people map[pushd.OpenID]pushd.Person) {
	for r, p := range w.wechat.people {
		if _, listed := people[r.to]; !listed && r.msg == job.MsgID && len(p.told) > 0 && !w.outside.forgotten[r] {
			w.violated("%s got the message and is on no list", r.to)
		}
	}
}

// shortBy is how many WeChat's lists may be short of without that being noticed.
const shortBy = 50

// judgeLost looks for recipients whom a job never listed although they were in its
// audience all the time, and for others whom it did list.
func (w *sim) judgeLost(people map[pushd.OpenID]pushd.Person) {
	missing := 0
	for _, who := range w.mustGet() {
		if _, listed := people[who]; listed {
			continue
		}
		missing++
		if !w.wechat.hidden[who] || !w.audience.Listed() {
			w.violated("%s is in the audience %s, was on its list, and is on none", who, w.audience)
		}
	}
	// A list that breaks off so near its end is not told from people who left.
	if missing > shortBy {
		w.violated("%d are in the audience and were never listed", missing)
	}
	for who := range people {
		if !w.mayGet(who) {
			w.violated("%s was never in the audience %s", who, w.audience)
		}
	}
}

// judgeStatus holds the column of each channel against the last job that the API
// gives for its start.
func (w *sim) judgeStatus() {
	for id, ch := range w.ledger.Channels {
		job, err := w.ledger.Newest(context.Background(), id, ch.StartTime)
		if err != nil || time.Since(job.FinishedAt.Std()) > housekeeping.StandFor {
			continue
		}
		if want := job.LiveNotifyStatus(w.cfg.StatusFailed); *ch.Status != want {
			w.violated("channel %d: status is %d, its job is %s: want %d", id, *ch.Status, job.State, want)
		}
	}
}

// judgeStart looks at the database at the moment when a send starts.
func (w *sim) judgeStart(p *process, r recipient) {
	if p.odd() || w.faults&processClocks != 0 || w.ledger.Life() > 0 {
		return // it can't know how long its lease lasts, or that the database went back
	}
	job := w.ledger.Sending(r.msg)
	owner, lasts := w.ledger.Holder(job)
	if owner != p.owner || !lasts {
		w.violated("%s sends to %s without a lease (holder %s, lasts %v)", p.owner.Boot, r.to, owner.Boot, lasts)
		return
	}
	if forced, err := w.ledger.Job(context.Background(), job); err == nil {
		w.judgeQuiet(p, forced, r.to)
	}
	if state, inDoubt, known := w.ledger.Person(job, r.to); !known || !inDoubt {
		w.violated("%s sends to %s, who is %s and not in doubt in the ledger", p.owner.Boot, r.to, state.State)
	}
	if n := w.ledger.Doubtful(job); n > 2*w.cfg.Concurrency*(1+w.ledger.Lost(job)+w.ledger.Life()) {
		w.violated("%d people are in doubt at a concurrency of %d", n, w.cfg.Concurrency)
	}
}
