package pagebuffer

import (
	"maps"
	"testing"

	"pushd"
)

// opened is a page of people of whom the first mark may have been sent to.
func opened(t *testing.T, mark int, doubtAt pushd.Time, people ...pushd.Person) *Buffer {
	t.Helper()
	s, err := Open(pushd.Progress{Page: 1, People: len(people), Mark: mark, DoubtAt: doubtAt, Outcomes: pushd.EncodePersons(nil, people)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBuffer_Transitions(t *testing.T) {
	admit := func(i int, at pushd.Time) func(*Buffer) {
		return func(s *Buffer) { s.admit(&Delivery{page: s, index: i, since: at}) }
	}
	settle := func(i int, state pushd.PersonState) func(*Buffer) {
		return func(s *Buffer) { s.settle(i, state, 7) }
	}
	leave := func(i int) func(*Buffer) { return func(s *Buffer) { s.live[i].Leave(9) } }
	refused := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	for name, c := range map[string]struct {
		mark    int
		doubtAt pushd.Time
		people  []pushd.Person
		steps   []func(*Buffer)

		wantMark  int
		wantDoubt pushd.Time
		want      []pushd.Person
		counts    pushd.Counts
	}{
		"nobody yet": {people: make([]pushd.Person, 3), want: make([]pushd.Person, 3)},
		"admitted is behind the mark, since it was sent": {
			people: make([]pushd.Person, 3), steps: []func(*Buffer){admit(0, 50), admit(1, 40)},
			wantMark: 2, wantDoubt: 40, want: make([]pushd.Person, 3)},
		"delivered": {
			people: make([]pushd.Person, 3), steps: []func(*Buffer){admit(0, 50), settle(0, pushd.PersonSent)},
			wantMark: 1, want: []pushd.Person{{State: pushd.PersonSent, Defers: 0, Code: 7}, {}, {}}, counts: pushd.Counts{Sent: 1}},
		"every outcome counts once": {
			people: make([]pushd.Person, 4), steps: []func(*Buffer){settle(0, pushd.PersonSent), settle(1, pushd.PersonSkipped), settle(2, pushd.PersonFailed), settle(3, pushd.PersonUnknown)},
			want: []pushd.Person{{State: pushd.PersonSent, Defers: 0, Code: 7}, {State: pushd.PersonSkipped, Defers: 0, Code: 7}, {State: pushd.PersonFailed, Defers: 0, Code: 7}, {State: pushd.PersonUnknown, Defers: 0, Code: 7}}, counts: pushd.Counts{Sent: 1, Skipped: 1, Failed: 1, Unknown: 1, Retries: 0, InDoubt: 0, Errors: nil}},
		"who was refused is in doubt before the next try": {
			mark: 1, people: []pushd.Person{refused}, steps: []func(*Buffer){admit(0, 60)},
			wantMark: 1, wantDoubt: 60, want: []pushd.Person{{State: pushd.InDoubt, Defers: 16, Code: 43117}}},
		"who was refused beyond the mark too": {
			people: []pushd.Person{refused}, steps: []func(*Buffer){admit(0, 60)},
			wantDoubt: 60, want: []pushd.Person{{State: pushd.InDoubt, Defers: 16, Code: 43117}}},
		"in doubt after a crash, old doubt stays the bound": {
			mark: 2, doubtAt: 10, people: make([]pushd.Person, 3), steps: []func(*Buffer){admit(2, 60)},
			wantMark: 3, wantDoubt: 10, want: make([]pushd.Person, 3)},
		"the last one in doubt settles the doubt": {
			mark: 1, doubtAt: 10, people: make([]pushd.Person, 2), steps: []func(*Buffer){admit(0, 10), settle(0, pushd.PersonSent)},
			wantMark: 1, want: []pushd.Person{{State: pushd.PersonSent, Defers: 0, Code: 7}, {}}, counts: pushd.Counts{Sent: 1}},
		"settled without a delivery": {
			mark: 1, doubtAt: 10, people: make([]pushd.Person, 2), steps: []func(*Buffer){settle(0, pushd.PersonUnknown)},
			wantMark: 1, want: []pushd.Person{{State: pushd.PersonUnknown, Defers: 0, Code: 7}, {}}, counts: pushd.Counts{Unknown: 1}},
		"left in doubt at a stop": {
			people: make([]pushd.Person, 2), steps: []func(*Buffer){admit(0, 50), admit(1, 55), leave(0), settle(1, pushd.Refused)},
			wantMark: 2, wantDoubt: 50, want: []pushd.Person{{State: pushd.InDoubt, Defers: 0, Code: 9}, {State: pushd.Refused, Defers: 0, Code: 7}}},
		"left at a stop, older than those of a crash": {
			mark: 1, doubtAt: 30, people: make([]pushd.Person, 2), steps: []func(*Buffer){admit(1, 20), leave(1)},
			wantMark: 2, wantDoubt: 20, want: []pushd.Person{{}, {State: pushd.InDoubt, Defers: 0, Code: 9}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, c.mark, c.doubtAt, c.people...)
			for _, step := range c.steps {
				step(s)
			}
			p := s.progress()
			got, err := pushd.DecodePersons(p.Outcomes, p.People)
			if err != nil {
				t.Fatal(err)
			}
			if p.Mark != c.wantMark || p.DoubtAt != c.wantDoubt {
				t.Errorf("mark %d, doubt since %d; want %d, %d", p.Mark, p.DoubtAt, c.wantMark, c.wantDoubt)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("person %d is %+v, want %+v", i, got[i], c.want[i])
				}
			}
			p.Counts.Errors = nil
			if p.Counts.Settled() != c.counts.Settled() || p.Counts.Sent != c.counts.Sent || p.Counts.Unknown != c.counts.Unknown {
				t.Errorf("counts %+v, want %+v", p.Counts, c.counts)
			}
			if (len(c.steps) > 0) != s.dirty {
				t.Errorf("dirty is %v after %d steps", s.dirty, len(c.steps))
			}
		})
	}
}

func TestBuffer_ProgressIsACopy(t *testing.T) {
	s := opened(t, 0, 0, make([]pushd.Person, 2)...)
	d := &Delivery{page: s}
	d.Answered(pushd.Answer{Verdict: pushd.Skip, Code: 43101}, 1)
	p := s.progress()
	before := maps.Clone(p.Counts.Errors)
	d.Answered(pushd.Answer{Verdict: pushd.Skip, Code: 43101}, 2)
	d.Answered(pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}, 3)
	if !maps.Equal(p.Counts.Errors, before) || before[43101] != 1 {
		t.Errorf("a record that is under way changed to %v", p.Counts.Errors)
	}
}

func TestBuffer_IdleOnlyWhenNobodyWaits(t *testing.T) {
	s := opened(t, 0, 0, make([]pushd.Person, 2)...)
	one, two := &Delivery{page: s, index: 0}, &Delivery{page: s, index: 1}
	one.Queue()
	two.Queue()
	s.Fed()
	s.admit(one)
	one.Settle(pushd.PersonSent, 0)
	s.Take()
	if s.Idle() {
		t.Error("forgotten while somebody waits to be admitted")
	}
	s.admit(two)
	held := two.Hold()
	two.Settle(pushd.Refused, 0)
	if s.Idle() {
		t.Error("forgotten before it is recorded")
	}
	if s.Take(); s.Idle() {
		t.Error("forgotten while the breaker holds somebody back")
	}
	held.Return()
	if !s.Idle() {
		t.Error("kept although all is done")
	}
}

// Who is given back when a round stops is in doubt only if there is a doubt, and
// no send counts as a second message that did not happen. Who was to be sent to
// again although the outcome is unknown, and was not, keeps that outcome.
func TestBuffer_ReturnAll(t *testing.T) {
	doubts := Doubts{Window: 10, Resend: true}
	unknown := pushd.Person{State: pushd.PersonUnknown, Code: -1}
	s := opened(t, 2, 1, pushd.Person{}, pushd.Person{}, pushd.Person{}, unknown, unknown)
	view := s.View(pushd.AgainUnknown)
	now := pushd.Time(1_000_000)
	for i := range 5 {
		d := view.Delivery(i, "o", nil)
		d.Queue()
		d.Admit(now, doubts)
		if i == 1 || i == 4 {
			d.Sending(now, doubts.Window)
		}
	}
	s.Fed()
	s.Take()
	s.ReturnAll()
	row, changed := s.Take()
	people, err := pushd.DecodePersons(row.Outcomes, row.People)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []pushd.PersonState{pushd.InDoubt, pushd.InDoubt, pushd.Refused, pushd.PersonUnknown, pushd.InDoubt} {
		if people[i].State != want {
			t.Errorf("recipient %d is %s, want %s", i, people[i].State, want)
		}
	}
	if !changed || row.Counts.InDoubt != 2 || !s.Idle() {
		t.Errorf("changed %v, in doubt %d, want the two who were sent to; idle %v", changed, row.Counts.InDoubt, s.Idle())
	}
}
