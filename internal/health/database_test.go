package health

import (
	"testing"
	"time"
)

// Of many failures few are logged, the others are counted, and the end is known.
func TestDatabase(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	d := NewDatabase(now)
	if _, calls := d.Wrote(now); calls != 0 {
		t.Error("trouble before any")
	}
	said, unsaid := 0, 0
	for range 300 { // five a second for a minute
		if say, n := d.Failed(now); say {
			said, unsaid = said+1, unsaid+n
		}
		now = now.Add(200 * time.Millisecond)
	}
	if said != 6 || unsaid != 250-5 {
		t.Errorf("said %d times, %d others", said, unsaid)
	}
	if lasted, calls := d.Wrote(now); lasted != time.Minute || calls != 300 {
		t.Errorf("%d calls in %v", calls, lasted)
	}
	if _, calls := d.Wrote(now); calls != 0 {
		t.Error("it ends twice")
	}
}
