// Package pagebuffer keeps the books of a page of followers while they are sent
// to: what became of each, who is being sent to, and who may have the message
// although that is unknown. It is ahead of the ledger by one statement at most.
//
// A Buffer is a page, a Delivery one recipient of it who is to be sent to. The
// rule that no recipient is sent to whom the ledger does not know to be in doubt rests
// on both: Admit moves the watermark, Progress is what the ledger gets, and only
// then may the caller send.
//
// Written and Reopening remember about the pages of one claim what neither a
// buffer nor the ledger has.
package pagebuffer

import (
	"pushd"
)

// Buffer is one page in work: the ledger's entry of every recipient on it. Not for
// several goroutines at once.
type Buffer struct {
	no     int
	people []pushd.Person
	mark   int // watermark; committed once the next record has landed
	counts pushd.Counts
	dirty  bool
	live   map[int]*Delivery // admitted and not settled, by index
	// off counts the recipients in doubt who have no delivery: those whom a crash
	// or a stop left so. None of them was sent to before offAt.
	off   int
	offAt pushd.Time
	queue int  // recipients who have a delivery and are not admitted yet
	held  int  // suspects whom the breaker holds back
	fed   bool // every recipient who needs a delivery has got one
}

// Open opens a page as the ledger has it. It is an error if its outcomes can't be
// decoded.
func Open(p pushd.Progress) (*Buffer, error) {
	people, err := pushd.DecodePersons(p.Outcomes, p.People)
	if err != nil {
		return nil, err
	}
	counts := p.Counts
	counts.Errors = copied(counts.Errors)
	b := &Buffer{no: p.Page, people: people, mark: p.Mark, counts: counts, live: map[int]*Delivery{}, offAt: p.DoubtAt}
	for i := range people {
		if b.inDoubt(i) {
			b.off++
		}
	}
	return b, nil
}

// No is the page's number.
func (b *Buffer) No() int { return b.no }

// Len is how many recipients are on the page.
func (b *Buffer) Len() int { return len(b.people) }

// Recall notes of a recipient who was not sent to yet what is known of them from an
// earlier list.
func (b *Buffer) Recall(index int, p pushd.Person) {
	if index >= b.mark && b.people[index].State == pushd.Untouched {
		b.people[index], b.dirty = p, true
	}
}

// Fed notes that every recipient who needs a delivery has got one.
func (b *Buffer) Fed() { b.fed = true }

// Idle says that the page need not be kept in memory any longer: what is left of
// it, if anything, waits for a later round.
func (b *Buffer) Idle() bool {
	return b.fed && !b.dirty && b.held == 0 && b.queue == 0 && len(b.live) == 0
}

// Dirty says that the ledger lacks something that is known here.
func (b *Buffer) Dirty() bool { return b.dirty }

// Take returns what the ledger shall have, if it lacks something; from then on it
// counts as written.
func (b *Buffer) Take() (row pushd.Progress, changed bool) {
	if !b.dirty {
		return row, false
	}
	b.dirty = false
	return b.progress(), true
}

// ReturnAll ends all deliveries, for the round stops: who may have the message
// stays in doubt, the others may be sent to again. A recipient of unknown outcome
// who was not sent to again keeps it: a doubt would be as old as this round, and
// what they may have is older.
func (b *Buffer) ReturnAll() {
	for _, d := range b.live {
		if d.counted {
			b.counts.InDoubt--
		}
		switch code := int(d.Person().Code); {
		case d.counted && d.reopened:
			d.Settle(pushd.PersonUnknown, code)
		case d.InDoubt():
			d.Leave(code)
		case d.reopened:
			d.Settle(pushd.Refused, 0) // the code is of the outcome that they had
		default:
			d.Settle(pushd.Refused, code)
		}
	}
	b.fed, b.queue = true, 0
}

// inDoubt says whether the recipient may have the message, as far as the ledger
// knows.
func (b *Buffer) inDoubt(i int) bool {
	st := b.people[i].State
	return st == pushd.InDoubt || st == pushd.Untouched && i < b.mark
}

// admit makes d one that may be sent as soon as the ledger has it.
func (b *Buffer) admit(d *Delivery) {
	if d.reopened {
		p := &b.people[d.index]
		b.tally(p.State, -1)
		p.Defers = 0
	}
	switch {
	case b.inDoubt(d.index):
		b.off--
	case d.index >= b.mark && b.people[d.index].State == pushd.Untouched:
		b.mark = d.index + 1
	default:
		b.people[d.index].State = pushd.InDoubt // the ledger has to know before it is sent again
	}
	b.live[d.index] = d
	b.queue--
	b.dirty = true
}

// settle gives a recipient a state that does not leave them in doubt. code is what
// Person.Code says.
func (b *Buffer) settle(index int, state pushd.PersonState, code int) {
	if b.live[index] == nil && b.inDoubt(index) {
		b.off--
	}
	delete(b.live, index)
	b.set(index, state, code)
}

func (b *Buffer) set(index int, state pushd.PersonState, code int) {
	p := &b.people[index]
	b.tally(p.State, -1)
	b.tally(state, 1)
	if state == pushd.PersonSent {
		*p = pushd.Person{State: pushd.PersonSent, Code: int32(code)}
	} else {
		p.State, p.Code = state, int32(code)
	}
	b.dirty = true
}

func (b *Buffer) tally(state pushd.PersonState, by int64) {
	switch state {
	case pushd.PersonSent:
		b.counts.Sent += by
	case pushd.PersonSkipped:
		b.counts.Skipped += by
	case pushd.PersonFailed:
		b.counts.Failed += by
	case pushd.PersonUnknown:
		b.counts.Unknown += by
	}
}

// oldestDoubt is a lower bound of when anyone was sent to who is in doubt; 0 when
// there is none.
func (b *Buffer) oldestDoubt() pushd.Time {
	var oldest pushd.Time
	if b.off > 0 {
		oldest = b.offAt
	}
	for _, d := range b.live {
		if oldest == 0 || d.since < oldest {
			oldest = d.since
		}
	}
	return oldest
}

// progress is the page as the ledger will have it.
func (b *Buffer) progress() pushd.Progress {
	counts := b.counts
	counts.Errors = copied(counts.Errors)
	return pushd.Progress{
		Page: b.no, People: len(b.people), Mark: b.mark, DoubtAt: b.oldestDoubt(),
		Outcomes: pushd.EncodePersons(nil, b.people), Counts: counts,
	}
}

// copied is never nil.
func copied(errors map[int]int64) map[int]int64 {
	c := make(map[int]int64, len(errors))
	for code, n := range errors {
		c[code] = n
	}
	return c
}
