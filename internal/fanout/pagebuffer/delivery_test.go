package pagebuffer

import (
	"testing"
	"time"

	"pushd"
	"pushd/internal/fanout/deferral"
)

// Two readings of the database's clock may differ by some seconds, and so may
// the clocks of its nodes: that makes no try forgotten which was just made.
func TestDelivery_ExpiredAcrossClocks(t *testing.T) {
	at := pushd.Time(1_900_000_000_000_000)
	for age, want := range map[time.Duration]bool{
		0: false, -2 * time.Second: false, -59 * time.Second: false, 8 * time.Minute: false,
		9 * time.Minute: true, -2 * time.Minute: true, // a clock that was set back says nothing
	} {
		d := &Delivery{ambiguous: true, since: at}
		if got := d.Expired(at.Add(age), 9*time.Minute); got != want {
			t.Errorf("%s after the try: expired %v", age, got)
		}
	}
}

// What an answer says about whether the recipient has the message.
func TestDelivery_Answered(t *testing.T) {
	refused := pushd.Answer{Verdict: pushd.Slower, Code: 45009}
	lost := pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
	for name, c := range map[string]struct {
		answers []pushd.Answer
		doubt   bool
		since   pushd.Time
		outcome pushd.PersonState
	}{
		"refused":                {[]pushd.Answer{refused}, false, 101, pushd.PersonFailed},
		"refused twice":          {[]pushd.Answer{refused, refused}, false, 102, pushd.PersonFailed},
		"lost":                   {[]pushd.Answer{lost}, true, 100, pushd.PersonUnknown},
		"lost, then refused":     {[]pushd.Answer{lost, refused}, true, 100, pushd.PersonUnknown},
		"refused, then lost":     {[]pushd.Answer{refused, lost}, true, 101, pushd.PersonUnknown},
		"lost, refused, refused": {[]pushd.Answer{lost, refused, refused}, true, 100, pushd.PersonUnknown},
	} {
		s := opened(t, 0, 0, make([]pushd.Person, 1)...)
		d := s.View(pushd.AgainNobody).Delivery(0, "o", nil)
		d.Queue()
		d.Admit(100, Doubts{Window: time.Minute})
		for i, a := range c.answers {
			d.Answered(a, pushd.Time(101+i))
		}
		if d.InDoubt() != c.doubt || d.Since() != c.since || d.Undelivered() != c.outcome {
			t.Errorf("%s: in doubt %v since %d, %s; want %v, %d, %s", name, d.InDoubt(), d.Since(), d.Undelivered(), c.doubt, c.since, c.outcome)
		}
		if n := s.counts.Retries; int(n) != len(c.answers)-1 || d.Tries != len(c.answers) {
			t.Errorf("%s: %d retries, %d tries", name, n, d.Tries)
		}
	}
}

// Who of a page is sent to in a round.
func TestView_Delivery(t *testing.T) {
	put := pushd.Person{State: pushd.Refused, Code: pushd.CodeTooFrequent, Defers: 16}
	duplicate := pushd.Person{State: pushd.InDoubt, Code: pushd.CodeDuplicate, Defers: 1}
	for name, c := range map[string]struct {
		person            pushd.Person
		mark              int
		again             pushd.Again
		turn              deferral.Turn
		due, late, doubts bool
		since             pushd.Time
	}{
		"untouched":                        {due: true},
		"behind the watermark":             {mark: 1, due: true, doubts: true, since: 7},
		"in doubt":                         {person: pushd.Person{State: pushd.InDoubt, Code: -1}, due: true, doubts: true, since: 7},
		"sent":                             {person: pushd.Person{State: pushd.PersonSent}, again: pushd.AgainUnknown},
		"failed":                           {person: pushd.Person{State: pushd.PersonFailed}},
		"failed, retried":                  {person: pushd.Person{State: pushd.PersonFailed}, again: pushd.AgainFailed, due: true},
		"unknown, only the failed retried": {person: pushd.Person{State: pushd.PersonUnknown}, again: pushd.AgainFailed},
		"unknown, retried":                 {person: pushd.Person{State: pushd.PersonUnknown}, again: pushd.AgainUnknown, due: true, doubts: true},
		"put off":                          {person: put, turn: deferral.Later},
		"put off long enough":              {person: put, turn: deferral.Now, due: true},
		"put off beyond the deadline":      {person: put, turn: deferral.Never, due: true, late: true},
		"perhaps a duplicate":              {person: duplicate, turn: deferral.Later},
		"perhaps a duplicate, due":         {person: duplicate, turn: deferral.Now, due: true, doubts: true, since: 7},
		"perhaps a duplicate, too late":    {person: duplicate, turn: deferral.Never, due: true, late: true, doubts: true},
	} {
		s := opened(t, c.mark, 7, c.person)
		d := s.View(c.again).Delivery(0, "o", func(pushd.Person) deferral.Turn { return c.turn })
		if (d != nil) != c.due {
			t.Errorf("%s: due %v, want %v", name, d != nil, c.due)
			continue
		}
		if d != nil && (d.Late() != c.late || d.InDoubt() != c.doubts || d.Earlier() != c.doubts || d.Since() != c.since) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// What is in work does not change who is due.
func TestView_IsOfItsMoment(t *testing.T) {
	s := opened(t, 0, 0, make([]pushd.Person, 2)...)
	view := s.View(pushd.AgainNobody)
	first := view.Delivery(0, "a", nil)
	first.Queue()
	first.Admit(5, Doubts{Window: time.Minute})
	first.Settle(pushd.PersonSent, 0)
	if d := view.Delivery(0, "a", nil); d == nil || d.InDoubt() {
		t.Errorf("%+v, want who was there at the start", d)
	}
}
