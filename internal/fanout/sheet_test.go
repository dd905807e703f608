package fanout

import (
	"maps"
	"testing"

	"pushd"
)

// open opens a page of people of whom the first mark may have been sent to.
func open(t *testing.T, mark int, doubtAt pushd.Time, people ...pushd.Person) *sheet {
	t.Helper()
	s, err := newSheet(pushd.Progress{Page: 1, People: len(people), Mark: mark, DoubtAt: doubtAt, Outcomes: pushd.EncodePersons(nil, people)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSheet_Transitions(t *testing.T) {
	admit := func(i int, at pushd.Time) func(*sheet) {
		return func(s *sheet) { s.admit(&ticket{sheet: s, index: i, askedAt: at}) }
	}
	settle := func(i int, state pushd.PersonState) func(*sheet) {
		return func(s *sheet) { s.settle(i, state, 7) }
	}
	leave := func(i int) func(*sheet) { return func(s *sheet) { s.leave(s.live[i], 9) } }
	refused := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	for name, c := range map[string]struct {
		mark    int
		doubtAt pushd.Time
		people  []pushd.Person
		steps   []func(*sheet)

		wantMark  int
		wantDoubt pushd.Time
		want      []pushd.Person
		counts    pushd.Counts
	}{
		"nobody yet": {people: make([]pushd.Person, 3), want: make([]pushd.Person, 3)},
		"admitted is behind the mark, since it was asked": {
			people: make([]pushd.Person, 3), steps: []func(*sheet){admit(0, 50), admit(1, 40)},
			wantMark: 2, wantDoubt: 40, want: make([]pushd.Person, 3)},
		"told": {
			people: make([]pushd.Person, 3), steps: []func(*sheet){admit(0, 50), settle(0, pushd.PersonSent)},
			wantMark: 1, want: []pushd.Person{{State: pushd.PersonSent, Defers: 0, Code: 7}, {}, {}}, counts: pushd.Counts{Sent: 1}},
		"every outcome counts once": {
			people: make([]pushd.Person, 4), steps: []func(*sheet){settle(0, pushd.PersonSent), settle(1, pushd.PersonSkipped), settle(2, pushd.PersonFailed), settle(3, pushd.PersonUnknown)},
			want: []pushd.Person{{State: pushd.PersonSent, Defers: 0, Code: 7}, {State: pushd.PersonSkipped, Defers: 0, Code: 7}, {State: pushd.PersonFailed, Defers: 0, Code: 7}, {State: pushd.PersonUnknown, Defers: 0, Code: 7}}, counts: pushd.Counts{Sent: 1, Skipped: 1, Failed: 1, Unknown: 1, Retries: 0, InDoubt: 0, Errors: nil}},
		"who was refused is in doubt before the next try": {
			mark: 1, people: []pushd.Person{refused}, steps: []func(*sheet){admit(0, 60)},
			wantMark: 1, wantDoubt: 60, want: []pushd.Person{{State: pushd.InDoubt, Defers: 16, Code: 43117}}},
		"who was refused beyond the mark too": {
			people: []pushd.Person{refused}, steps: []func(*sheet){admit(0, 60)},
			wantDoubt: 60, want: []pushd.Person{{State: pushd.InDoubt, Defers: 16, Code: 43117}}},
		"in doubt after a crash, old doubt stays the bound": {
			mark: 2, doubtAt: 10, people: make([]pushd.Person, 3), steps: []func(*sheet){admit(2, 60)},
			wantMark: 3, wantDoubt: 10, want: make([]pushd.Person, 3)},
		"the last one in doubt settles the doubt": {
			mark: 1, doubtAt: 10, people: make([]pushd.Person, 2), steps: []func(*sheet){admit(0, 10), settle(0, pushd.PersonSent)},
			wantMark: 1, want: []pushd.Person{{State: pushd.PersonSent, Defers: 0, Code: 7}, {}}, counts: pushd.Counts{Sent: 1}},
		"settled without a ticket": {
			mark: 1, doubtAt: 10, people: make([]pushd.Person, 2), steps: []func(*sheet){settle(0, pushd.PersonUnknown)},
			wantMark: 1, want: []pushd.Person{{State: pushd.PersonUnknown, Defers: 0, Code: 7}, {}}, counts: pushd.Counts{Unknown: 1}},
		"left in doubt at a stop": {
			people: make([]pushd.Person, 2), steps: []func(*sheet){admit(0, 50), admit(1, 55), leave(0), settle(1, pushd.Refused)},
			wantMark: 2, wantDoubt: 50, want: []pushd.Person{{State: pushd.InDoubt, Defers: 0, Code: 9}, {State: pushd.Refused, Defers: 0, Code: 7}}},
		"left at a stop, older than those of a crash": {
			mark: 1, doubtAt: 30, people: make([]pushd.Person, 2), steps: []func(*sheet){admit(1, 20), leave(1)},
			wantMark: 2, wantDoubt: 20, want: []pushd.Person{{}, {State: pushd.InDoubt, Defers: 0, Code: 9}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.mark, c.doubtAt, c.people...)
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

func TestSheet_ProgressIsACopy(t *testing.T) {
	s := open(t, 0, 0, make([]pushd.Person, 2)...)
	s.noteError(43101)
	p := s.progress()
	before := maps.Clone(p.Counts.Errors)
	s.noteError(43101)
	s.noteError(-1)
	if !maps.Equal(p.Counts.Errors, before) {
		t.Errorf("a record that is under way changed to %v", p.Counts.Errors)
	}
}

func TestSheet_IdleOnlyWhenNobodyWaits(t *testing.T) {
	s := open(t, 0, 0, make([]pushd.Person, 2)...)
	one := &ticket{sheet: s, index: 0}
	s.queue, s.fed = 2, true
	s.admit(one)
	s.settle(0, pushd.PersonSent, 0)
	s.dirty = false
	if s.idle() {
		t.Error("forgotten while somebody waits to be admitted")
	}
	s.admit(&ticket{sheet: s, index: 1})
	s.settle(1, pushd.PersonSent, 0)
	if s.idle() {
		t.Error("forgotten before it is recorded")
	}
	if s.dirty = false; !s.idle() {
		t.Error("kept although all is done")
	}
}
