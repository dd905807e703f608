package fanout

import (
	"testing"
	"time"

	"pushd"
)

func TestDeferrals(t *testing.T) {
	const start = pushd.Time(1e15)
	short := pushd.Person{State: pushd.Refused, Code: 40241, Defers: 1}
	long := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	plain := pushd.Person{State: pushd.Refused, Code: 45009}
	var d deferrals
	d.begin(start, false)

	const far = start * 2
	var due func(pushd.Person) turn
	may := func(p pushd.Person) bool { return due(p) == turnNow }
	due = d.due(start, far)
	if may(short) || may(long) || !may(plain) {
		t.Errorf("at the claim: short %v, long %v, plain %v", may(short), may(long), may(plain))
	}
	if until, long, any := d.next(); !any || long || until != start.Add(deferShort) {
		t.Errorf("next: %v %v %v", until, long, any)
	}
	at := start.Add(deferShort)
	if due = d.due(at, far); !may(short) || may(long) {
		t.Errorf("61 s later: short %v, long %v", may(short), may(long))
	}
	if until, long, any := d.next(); !any || !long || until != start.Add(deferLong) {
		t.Errorf("next: %v %v %v", until, long, any)
	}
	d.put(deferShort, at)
	if due = d.due(at.Add(deferShort-time.Millisecond), far); may(short) {
		t.Error("asked again within 61 s")
	}
	if due = d.due(start.Add(deferLong), far); !may(short) || !may(long) {
		t.Error("still not due")
	}
	if _, _, any := d.next(); any {
		t.Error("somebody is said to be put off")
	}
}

func TestDeferrals_WaitIsNotBegunAnew(t *testing.T) {
	long := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	var d deferrals
	d.begin(1e15, true) // the job was parked for just that
	if d.due(1e15, 2e15)(long) != turnNow {
		t.Error("a job that has waited half an hour waits again")
	}
}

func TestDeferrals_Fruitless(t *testing.T) {
	var d deferrals
	for i, c := range []struct {
		left int64
		want int
	}{{9, 1}, {9, 2}, {8, 1}, {8, 2}, {8, 3}, {8, 4}} {
		if got := d.fruitless(c.left); got != c.want {
			t.Errorf("round %d, %d left: %d, want %d", i, c.left, got, c.want)
		}
	}
}

// Who could only be asked after the deadline is not waited for.
func TestDeferrals_Deadline(t *testing.T) {
	const start = pushd.Time(1e15)
	short := pushd.Person{State: pushd.Refused, Code: 40241, Defers: 1}
	long := pushd.Person{State: pushd.Refused, Code: 43117, Defers: 16}
	var d deferrals
	d.begin(start, false)
	due := d.due(start, start.Add(deferLong))
	if due(short) != turnLater || due(long) != turnNever {
		t.Errorf("short %v, long %v", due(short), due(long))
	}
	if until, long, any := d.next(); !any || long || until != start.Add(deferShort) {
		t.Errorf("next: %v %v %v", until, long, any)
	}
}
