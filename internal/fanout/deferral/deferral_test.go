package deferral

import (
	"testing"
	"time"

	"pushd"
)

func TestWaits(t *testing.T) {
	const start = pushd.Time(1e15)
	short := pushd.Person{State: pushd.Refused, Code: 40241, Defers: 1}
	long := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	plain := pushd.Person{State: pushd.Refused, Code: 45009}
	var w Waits
	w.Begin(start, false)

	const far = start * 2
	var due func(pushd.Person) Turn
	may := func(p pushd.Person) bool { return due(p) == Now }
	due = w.Round(start, far, AllSuspects, 0)
	if may(short) || may(long) || !may(plain) {
		t.Errorf("at the claim: short %v, long %v, plain %v", may(short), may(long), may(plain))
	}
	if until, kind, any := w.Next(); !any || kind != Short || until != start.Add(ShortWait) {
		t.Errorf("next: %v %v %v", until, kind, any)
	}
	at := start.Add(ShortWait)
	if due = w.Round(at, far, AllSuspects, 0); !may(short) || may(long) {
		t.Errorf("61 s later: short %v, long %v", may(short), may(long))
	}
	if until, kind, any := w.Next(); !any || kind != Long || until != start.Add(LongWait) {
		t.Errorf("next: %v %v %v", until, kind, any)
	}
	w.PutOff(Short, at)
	if due = w.Round(at.Add(ShortWait-time.Millisecond), far, AllSuspects, 0); may(short) {
		t.Error("asked again within 61 s")
	}
	if due = w.Round(start.Add(LongWait), far, AllSuspects, 0); !may(short) || !may(long) {
		t.Error("still not due")
	}
	if _, _, any := w.Next(); any {
		t.Error("somebody is said to be put off")
	}
}

func TestWaits_WaitIsNotBegunAnew(t *testing.T) {
	long := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	var w Waits
	w.Begin(1e15, true) // the job was parked for just that
	if w.Round(1e15, 2e15, AllSuspects, 0)(long) != Now {
		t.Error("a job that has waited half an hour waits again")
	}
}

// Who could only be asked after the deadline is not waited for.
func TestWaits_Deadline(t *testing.T) {
	const start = pushd.Time(1e15)
	short := pushd.Person{State: pushd.Refused, Code: 40241, Defers: 1}
	long := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	var w Waits
	w.Begin(start, false)
	due := w.Round(start, start.Add(LongWait), AllSuspects, 0)
	if due(short) != Later || due(long) != Never {
		t.Errorf("short %v, long %v", due(short), due(long))
	}
	if until, kind, any := w.Next(); !any || kind != Short || until != start.Add(ShortWait) {
		t.Errorf("next: %v %v %v", until, kind, any)
	}
}

// The two kinds are counted in one byte, and neither runs into the other.
func TestKind_Next(t *testing.T) {
	var p pushd.Person
	for _, c := range []struct {
		kind        Kind
		short, long int
	}{{Short, 1, 0}, {Long, 1, 1}, {Short, 2, 1}, {Short, 3, 1}} {
		if c.kind.Spent(p) {
			t.Errorf("%+v is not put off again", p)
		}
		p.Defers = c.kind.Next(p)
		if Short.Times(p) != c.short || Long.Times(p) != c.long {
			t.Errorf("put off %d and %d times, want %d and %d", Short.Times(p), Long.Times(p), c.short, c.long)
		}
	}
	if !Short.Spent(p) || !Long.Spent(p) {
		t.Errorf("%+v is put off for ever", p)
	}
}

// Who was given up for WeChat's patience stands as one who was put off.
func TestGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		p, want pushd.Person
		ok      bool
	}{
		"too frequent":         {pushd.Person{State: pushd.PersonFailed, Code: 43117}, pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}, true},
		"duplicate":            {pushd.Person{State: pushd.PersonFailed, Code: 40241}, pushd.Person{State: pushd.Refused, Code: 40241, Defers: 1}, true},
		"put off before":       {pushd.Person{State: pushd.PersonFailed, Code: 40241, Defers: 3}, pushd.Person{State: pushd.Refused, Code: 40241, Defers: 3}, true},
		"for another reason":   {p: pushd.Person{State: pushd.PersonFailed, Code: 47003}},
		"not given up at all":  {p: pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}},
		"unknown, so in doubt": {p: pushd.Person{State: pushd.PersonUnknown, Code: 40241}},
	} {
		if got, ok := GivenUp(c.p); ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

// Whom WeChat has refused with a code that may be about the job comes behind the
// others; whoever was refused for another reason, or is in doubt, does not.
func TestWaits_Behind(t *testing.T) {
	var w Waits
	w.Begin(1e15, false)
	later := pushd.Time(1e15).Add(LongWait)
	for name, c := range map[string]struct {
		p      pushd.Person
		behind bool
	}{
		"of another account": {pushd.Person{State: pushd.Refused, Code: 40003}, true},
		"unknown":            {pushd.Person{State: pushd.Refused, Code: 48003}, true},
		"put off before":     {pushd.Person{State: pushd.Refused, Code: 40003, Defers: 1}, true},
		"token or quota":     {pushd.Person{State: pushd.Refused}, false},
		"duplicate":          {pushd.Person{State: pushd.Refused, Code: 40241, Defers: 1}, false},
		"too frequent":       {pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}, false},
		"in doubt":           {pushd.Person{State: pushd.InDoubt, Code: 40241}, false},
	} {
		if turn := w.Round(later, 2e15, NoSuspects, 0)(c.p); (turn == Later) != c.behind || w.Behind() != c.behind {
			t.Errorf("%s: turn %v, behind %v", name, turn, w.Behind())
		}
		if turn := w.Round(later, 2e15, AllSuspects, 0)(c.p); turn != Now || w.Behind() {
			t.Errorf("%s, at last: turn %v", name, turn)
		}
	}
}

// A sample is an eighth, and eight draws have all.
func TestWaits_Sample(t *testing.T) {
	p, seen := pushd.Person{State: pushd.Refused, Code: 40003}, map[int]bool{}
	for draw := range int64(8) {
		var w Waits
		w.Begin(1e15, false)
		due := w.Round(1e15, 2e15, SomeSuspects, draw)
		n := 0
		for i := range 80 {
			if due(p) == Now {
				seen[i], n = true, n+1
			}
		}
		if n != 10 || !w.Behind() {
			t.Errorf("draw %d has %d of 80, others behind: %v", draw, n, w.Behind())
		}
	}
	if len(seen) != 80 {
		t.Errorf("eight draws have %d of 80", len(seen))
	}
}
