package pace

import (
	"testing"
	"time"
)

// A debt is what a trial had refused beyond the background, 1.5 % of all
// answers pay it back, and it does not grow beyond a bound.
func TestBudget(t *testing.T) {
	var b budget
	start := time.Unix(1_800_000_000, 0)
	b.answer(false, start, 0, 1000)
	if b.debt != 0 {
		t.Fatalf("a refusal before any trial costs %v", b.debt)
	}
	b.open(start)
	for range 100 {
		b.answer(false, start, 0.1, 1000)
	}
	b.to = start
	if b.debt < 85 || b.debt > 95 {
		t.Errorf("100 refusals, 10 of them usual, cost %v", b.debt)
	}
	after := 0
	for b.debt > 0 && after < 1e6 {
		b.answer(true, start.Add(time.Second), 0.1, 1000)
		after++
	}
	if after < 5500 || after > 6500 {
		t.Errorf("paid back by %d answers, want 90 / 1.5 %%", after)
	}
	b.to = start.Add(time.Hour)
	for range 1000 {
		b.answer(false, start, 0, 50)
	}
	if b.debt > 51 {
		t.Errorf("a debt of %v, at most 50 is to be paid back", b.debt)
	}
}
