package fanout

import (
	"time"

	"pushd"
)

// sheet is one page in work: the ledger's entry of every person on it, ahead
// of what the database has by at most one statement.
type sheet struct {
	no     int
	people []pushd.Person
	mark   int // watermark; committed once the next record has landed
	counts pushd.Counts
	dirty  bool
	live   map[int]*ticket // admitted and not settled, by index
	// off counts the people in doubt who have no ticket: those whom a crash
	// or a stop left so. None of them was sent to before offAt.
	off   int
	offAt pushd.Time
	queue int  // people who have a ticket and are not admitted yet
	held  int  // suspects whom the breaker holds back
	fed   bool // every person on it who needs a ticket has got one
}

// idle says that the sheet need not be kept in memory any longer: what is
// left of it, if anything, waits for a later round.
func (s *sheet) idle() bool {
	return s.fed && !s.dirty && s.held == 0 && s.queue == 0 && len(s.live) == 0
}

// ticket is one person who is being told.
type ticket struct {
	sheet  *sheet
	index  int
	openID pushd.OpenID
	asked  bool // sent to at least once
	late   bool // is not sent to: WeChat asked to wait beyond the deadline
	// reopened says that they have an outcome and are sent to all the same.
	reopened bool
	tries    int // that count against the person
	// badEra is the era of the last bad answer, badSince when the first came.
	badEra   int
	badSince time.Time
	// ambiguous says that an earlier try may have been accepted, maybe that
	// one may have been so long ago that WeChat has forgotten it.
	ambiguous, maybe bool
	// earlier says that this try was before the round, when another version of
	// the message may have been sent.
	earlier bool
	// counted says that the job's count of people told again has this try.
	counted bool
	// askedAt is no later than the first time this person was sent to
	// without a definite answer.
	askedAt pushd.Time
}

// newSheet opens a page as the ledger has it.
func newSheet(p pushd.Progress) (*sheet, error) {
	people, err := pushd.DecodePersons(p.Outcomes, p.People)
	if err != nil {
		return nil, err
	}
	counts := p.Counts
	errs := make(map[int]int64, len(counts.Errors))
	for code, n := range counts.Errors {
		errs[code] = n
	}
	counts.Errors = errs
	s := &sheet{no: p.Page, people: people, mark: p.Mark, counts: counts, live: map[int]*ticket{}, offAt: p.DoubtAt}
	for i := range people {
		if s.inDoubt(i) {
			s.off++
		}
	}
	return s, nil
}

// inDoubt says whether the person may have been told, as far as the ledger
// knows.
func (s *sheet) inDoubt(i int) bool {
	st := s.people[i].State
	return st == pushd.InDoubt || st == pushd.Untouched && i < s.mark
}

// admit makes t one who may be sent to as soon as the ledger has it.
func (s *sheet) admit(t *ticket) {
	if t.reopened {
		p := &s.people[t.index]
		s.tally(p.State, -1)
		p.Defers = 0
	}
	switch {
	case s.inDoubt(t.index):
		s.off--
	case t.index >= s.mark && s.people[t.index].State == pushd.Untouched:
		s.mark = t.index + 1
	default:
		s.people[t.index].State = pushd.InDoubt // the ledger has to know before it is sent again
	}
	s.live[t.index] = t
	s.queue--
	s.dirty = true
}

// settle gives a person a state that does not leave them in doubt. code is what
// Person.Code says.
func (s *sheet) settle(index int, state pushd.PersonState, code int) {
	if s.live[index] == nil && s.inDoubt(index) {
		s.off--
	}
	delete(s.live, index)
	s.set(index, state, code)
}

// leave ends a ticket whose person stays in doubt: the work stops here.
func (s *sheet) leave(t *ticket, code int) {
	if s.off == 0 || t.askedAt < s.offAt {
		s.offAt = t.askedAt
	}
	s.off++
	delete(s.live, t.index)
	s.set(t.index, pushd.InDoubt, code)
}

func (s *sheet) set(index int, state pushd.PersonState, code int) {
	p := &s.people[index]
	s.tally(p.State, -1)
	s.tally(state, 1)
	if state == pushd.PersonSent {
		*p = pushd.Person{State: pushd.PersonSent, Code: int32(code)}
	} else {
		p.State, p.Code = state, int32(code)
	}
	s.dirty = true
}

func (s *sheet) tally(state pushd.PersonState, by int64) {
	switch state {
	case pushd.PersonSent:
		s.counts.Sent += by
	case pushd.PersonSkipped:
		s.counts.Skipped += by
	case pushd.PersonFailed:
		s.counts.Failed += by
	case pushd.PersonUnknown:
		s.counts.Unknown += by
	}
}

// noteError counts an answer that was not good.
func (s *sheet) noteError(code int) {
	s.counts.Errors[code]++
	s.dirty = true
}

// oldestDoubt is a lower bound of when anyone was asked who is in doubt; 0
// when nobody is.
func (s *sheet) oldestDoubt() pushd.Time {
	var oldest pushd.Time
	if s.off > 0 {
		oldest = s.offAt
	}
	for _, t := range s.live {
		if oldest == 0 || t.askedAt < oldest {
			oldest = t.askedAt
		}
	}
	return oldest
}

// progress is the sheet as the ledger will have it.
func (s *sheet) progress() pushd.Progress {
	counts := s.counts
	counts.Errors = make(map[int]int64, len(s.counts.Errors))
	for code, n := range s.counts.Errors {
		counts.Errors[code] = n
	}
	return pushd.Progress{
		Page: s.no, People: len(s.people), Mark: s.mark, DoubtAt: s.oldestDoubt(),
		Outcomes: pushd.EncodePersons(nil, s.people), Counts: counts,
	}
}
