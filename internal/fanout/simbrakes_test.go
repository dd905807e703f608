package fanout

import (
	"cmp"
	"slices"
	"time"

	"pushd"
)

// simBrakes are what the owner of the simulated account has set, and what people
// did in spite of it.
type simBrakes struct {
	gap    time.Duration
	perDay int
	// forced says since when a channel's reminder may have been forced.
	forced map[pushd.ActID]time.Time
	// first is how many recipients a job may attempt until a person says yes, and yes
	// when that was.
	first int
	yes   map[pushd.MsgID]time.Time
	// goneOn has the messages of jobs that a person has made go on.
	goneOn map[pushd.MsgID]bool
}

// brake draws the brakes of a world. Its day ends in the middle of what goes wrong.
func (w *sim) brake() {
	d := w.dice("brakes")
	w.brakes = simBrakes{yes: map[pushd.MsgID]time.Time{}, forced: map[pushd.ActID]time.Time{}, goneOn: map[pushd.MsgID]bool{}}
	near := time.FixedZone("near midnight", int((24*time.Hour-troubled/2)/time.Second))
	if w.faults&quietTime != 0 {
		w.cfg.Location, w.cfg.Quiet = near, pushd.QuietHours{From: 0, To: 1 + d.IntN(3)}
	}
	if w.faults&firstFew != 0 {
		w.brakes.first = 1 + d.IntN(30)
	}
	if w.faults&braked == 0 {
		return
	}
	switch d.IntN(3) {
	case 0:
		w.brakes.gap = 40 * time.Second
	case 1:
		w.brakes.perDay = 1
	default:
		w.brakes.gap, w.brakes.perDay = 15*time.Second, 2
	}
	w.cfg.Location = near
}

// set are the settings of the brakes.
func (w *sim) set() pushd.Brakes {
	return pushd.Brakes{MinGap: &w.brakes.gap, PerDay: &w.brakes.perDay, Quiet: &w.cfg.Quiet}
}

// judgeQuiet is called when a send starts.
func (w *sim) judgeQuiet(p *process, job pushd.Job, to pushd.OpenID) {
	if p.odd() || w.faults&(clockSteps|processClocks|freezes|standstills) != 0 || job.Forced {
		return
	}
	if end := w.cfg.Quiet.End(pushd.Time(time.Now().UnixMicro()), w.cfg.Location); end != 0 {
		w.violated("%s sends to %s in the quiet hours, which last until %s", p.owner.Boot, to, end.Std())
	}
}

// pressed notes what a person asks for in spite of the brakes.
func (w *sim) pressed(id pushd.ActID, req pushd.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, before := w.brakes.forced[id]; req.Force && !before {
		w.brakes.forced[id] = time.Now()
	}
}

// wentOn notes that a person has made a job go on.
func (w *sim) wentOn(job pushd.Job, cmd pushd.Command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	msg := job.MsgID
	if _, said := w.brakes.yes[msg]; cmd.Resume && job.State == pushd.Paused && job.Reason == pushd.FirstReached && !said {
		w.brakes.yes[msg] = time.Now()
	}
	if cmd.Kind == pushd.EventRetried || cmd.Kind == pushd.EventContinued && cmd.After == nil {
		w.brakes.goneOn[msg] = true
	}
}

// delivery of the simulation is a message that somebody got.
type simDelivery struct {
	msg pushd.MsgID
	at  time.Time
}

// judgeBrakes holds what the followers got against what the owner had set.
func (w *sim) judgeBrakes(ids map[pushd.ActID]map[pushd.MsgID]bool) {
	if w.faults&braked == 0 || w.ledger.Life() > 0 || w.faults&(clockSteps|processClocks|freezes|standstills) != 0 {
		return // the database's day and hour are not the world's, or it has forgotten what was sent
	}
	var all []simDelivery
	for r, p := range w.wechat.people {
		for _, at := range p.told {
			all = append(all, simDelivery{r.msg, at})
		}
	}
	slices.SortFunc(all, func(a, b simDelivery) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.msg, b.msg)) })
	free := w.free(ids, all)
	days := map[string]map[pushd.MsgID]bool{}
	for i, d := range all {
		if free[d.msg] {
			continue
		}
		day := d.at.In(w.cfg.Location).Format(time.DateOnly)
		if days[day] == nil {
			days[day] = map[pushd.MsgID]bool{}
		}
		days[day][d.msg] = true
		if i == 0 || all[i-1].msg == d.msg || free[all[i-1].msg] {
			continue
		}
		// What is in flight when a process dies lands some seconds later.
		if apart := d.at.Sub(all[i-1].at); apart < w.brakes.gap-w.cfg.SendTimeout {
			w.violated("messages of two reminders are %s apart, allowed are %s", apart, w.brakes.gap)
		}
	}
	for day, reminders := range days {
		if w.brakes.perDay > 0 && len(reminders) > w.brakes.perDay {
			w.violated("%d reminders on %s, allowed are %d", len(reminders), day, w.brakes.perDay)
		}
	}
}

// judgeFirst says whether no more than the first recipients were attempted before a
// person said yes.
func (w *sim) judgeFirst() {
	if w.faults&firstFew == 0 || w.ledger.Life() > 0 {
		return
	}
	attempted := map[pushd.MsgID]int{}
	for r, p := range w.wechat.people {
		at := p.asked
		if w.faults&tokensStolen != 0 { // another account's followers may have been tried, and refused
			if len(p.told) == 0 {
				continue
			}
			at = p.told[0]
		}
		if yes, said := w.brakes.yes[r.msg]; p.requests > 0 && (!said || at.Before(yes)) {
			attempted[r.msg]++
		}
	}
	for msg, n := range attempted {
		if n > w.brakes.first {
			w.violated("%d recipients were attempted before a person said yes, the first %d were asked for (%s)", n, w.brakes.first, msg)
		}
	}
}

// hasRefused says that somebody has answered a message so, whichever it was.
func (w *sim) hasRefused(who pushd.OpenID) bool {
	for r, p := range w.wechat.people {
		if r.to == who && p.answers[43101] {
			return true
		}
	}
	return false
}

// judgeRefusals says whether somebody was asked by a later job who was on the list
// of an earlier one as having refused. Whoever may have the later job's message
// already is asked all the same.
func (w *sim) judgeRefusals() {
	if w.ledger.Life() > 0 {
		return
	}
	for _, id := range w.ledger.IDs() {
		job := w.ledger.Read(w.ledger.ByID[id])
		_, people := w.ledger.Everyone(id)
		for who, p := range people {
			if p.State != pushd.PersonSkipped || p.Code != 43101 || !job.State.Ended() {
				continue
			}
			for r, other := range w.wechat.people {
				if r.to == who && r.msg != job.MsgID && other.requests > 0 && !w.outside.unsure[r] && pushd.Time(other.asked.UnixMicro()) > job.FinishedAt.Add(w.outside.back+w.cfg.SendTimeout) && w.faults&(clockSteps|processClocks) == 0 {
					w.violated("%s was asked by %s, although they had refused %s", who, r.msg, job.MsgID)
				}
			}
		}
	}
}

// free are the messages to which no brake applies: a person has forced them, or
// has made their job go on.
func (w *sim) free(ids map[pushd.ActID]map[pushd.MsgID]bool, all []simDelivery) map[pushd.MsgID]bool {
	free := map[pushd.MsgID]bool{}
	first := map[pushd.MsgID]time.Time{}
	for _, d := range all {
		if _, seen := first[d.msg]; !seen {
			first[d.msg] = d.at
		}
	}
	for id, messages := range ids {
		for msg := range messages {
			since, forced := w.brakes.forced[id]
			free[msg] = w.brakes.goneOn[msg] || forced && !first[msg].Before(since)
		}
	}
	return free
}
