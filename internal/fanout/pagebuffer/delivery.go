package pagebuffer

import (
	"time"

	"pushd"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/outage"
)

// Delivery is one recipient who is to be sent to in this round: once, or until
// there is an outcome.
type Delivery struct {
	To pushd.OpenID

	Tries int // that count against the recipient
	// Bad is what the caller knows of its bad answers.
	Bad outage.Recipient

	page      *Buffer
	index     int
	attempted bool
	late      bool
	untouched bool
	reopened  bool // has an outcome and is sent to all the same
	earlier   bool
	// ambiguous says that an earlier try may have been accepted, forgotten that
	// one may have been so long ago that WeChat does not know of it any more.
	ambiguous, forgotten bool
	// counted says that the job's count of sends that may be second messages has
	// this try.
	counted bool
	// since is no later than the first send to this recipient that had no definite
	// answer.
	since pushd.Time
}

// Doubts is how long a repeated send is safe, and what becomes of recipients in
// doubt after that.
type Doubts struct {
	Window time.Duration // for so long WeChat knows a repetition by its client_msg_id
	Resend bool          // they are sent to all the same, else left
}

// Person is the ledger's entry of the recipient.
func (d *Delivery) Person() pushd.Person { return d.page.people[d.index] }

// Attempted says that it was sent in this round.
func (d *Delivery) Attempted() bool { return d.attempted }

// Late says that it is not to be sent: WeChat asked to wait beyond the deadline.
func (d *Delivery) Late() bool { return d.late }

// Earlier says that a try was before this round, when another version of the
// message may have been sent.
func (d *Delivery) Earlier() bool { return d.earlier }

// InDoubt says that an earlier try may have been accepted.
func (d *Delivery) InDoubt() bool { return d.ambiguous || d.forgotten }

// Untouched says that the recipient was never sent to before this round.
func (d *Delivery) Untouched() bool { return d.untouched }

// Forgotten says that an earlier try may have been accepted so long ago that
// WeChat would not know a repetition for one.
func (d *Delivery) Forgotten() bool { return d.forgotten }

// Since is no later than the first send that had no definite answer.
func (d *Delivery) Since() pushd.Time { return d.since }

// Undelivered is the outcome of a recipient who is given up: failed, or unknown if
// an earlier try may have been accepted.
func (d *Delivery) Undelivered() pushd.PersonState {
	if d.InDoubt() {
		return pushd.PersonUnknown
	}
	return pushd.PersonFailed
}

// Queue notes that it waits to be admitted.
func (d *Delivery) Queue() { d.page.queue++ }

// Doubtful notes what is known from an earlier list: that the recipient may have
// the message since then.
func (d *Delivery) Doubtful(since pushd.Time) {
	if !d.ambiguous {
		d.ambiguous, d.earlier, d.since = true, true, since
	}
}

// Admit notes that it may be sent from now on, as soon as the ledger has that.
func (d *Delivery) Admit(now pushd.Time, doubts Doubts) {
	if d.since == 0 {
		d.since = now
	}
	again := d.reopened && d.ambiguous
	d.forgotten = d.forgotten || again
	if again || d.Expired(now, doubts.Window) && doubts.Resend {
		d.counted = true // in the ledger before it can happen
		d.page.counts.InDoubt++
	}
	d.page.admit(d)
}

// Expired says that WeChat would take the next try of a recipient in doubt for a
// new message at now. It is to be asked at the last moment, for recipients may
// have waited long.
func (d *Delivery) Expired(now pushd.Time, window time.Duration) bool {
	age := now.Sub(d.since)
	return d.ambiguous && (d.since == 0 || age < -pushd.ClockSlack || age >= window)
}

// Sending notes that it is sent now, and whether that may be a second message.
func (d *Delivery) Sending(now pushd.Time, window time.Duration) {
	if d.reopened {
		d.counted = false // from now on it may have happened
	}
	if d.Expired(now, window) {
		d.ambiguous, d.forgotten = false, true
		if !d.counted { // it got too old while it waited
			d.page.counts.InDoubt++
			d.page.dirty = true
		}
		d.counted = false
	}
	if !d.ambiguous {
		d.since = now
	}
}

// Answered notes the answer to a try.
func (d *Delivery) Answered(a pushd.Answer, now pushd.Time) {
	if d.attempted {
		d.page.counts.Retries++
		d.page.dirty = true
	}
	d.attempted = true
	d.Tries++
	if a.Verdict != pushd.Sent {
		d.page.counts.Errors[a.Code]++
		d.page.dirty = true
	}
	if a.Ambiguous {
		d.ambiguous = true
	} else if a.Verdict != pushd.Sent && !d.ambiguous {
		d.since = now // definitely not accepted: no doubt so far
	}
}

// PutOff notes that WeChat asked to leave the recipient alone.
func (d *Delivery) PutOff(kind deferral.Kind) {
	d.page.people[d.index].Defers = kind.Next(d.Person())
}

// Settle ends it with a state that leaves the recipient in no doubt. code is what
// Person.Code says. admitted says that it was.
func (d *Delivery) Settle(state pushd.PersonState, code int) (admitted bool) {
	admitted = d.page.live[d.index] == d
	d.page.settle(d.index, state, code)
	return admitted
}

// Leave ends it, and the recipient stays in doubt: an admitted delivery must end
// so or by Settle.
func (d *Delivery) Leave(code int) {
	b := d.page
	if b.off == 0 || d.since < b.offAt {
		b.offAt = d.since
	}
	b.off++
	delete(b.live, d.index)
	b.set(d.index, pushd.InDoubt, code)
}

// Hold keeps the recipient on the page after the delivery has ended, until the
// place is released or returned.
func (d *Delivery) Hold() Place {
	d.page.held++
	return Place{d.page, d.index}
}

// Place is where a recipient stands who is held back.
type Place struct {
	page  *Buffer
	index int
}

// Release settles the recipient. Who fails, and may have the message from an
// earlier try, is unknown.
func (p Place) Release(state pushd.PersonState, code int) {
	p.page.held--
	if state == pushd.PersonFailed && p.page.people[p.index].State == pushd.InDoubt {
		state = pushd.PersonUnknown
	}
	p.page.settle(p.index, state, code)
}

// Return leaves the recipient to a later round.
func (p Place) Return() { p.page.held-- }
