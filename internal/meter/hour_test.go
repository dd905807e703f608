package meter

import (
	"testing"
	"time"

	"pushd"
)

// Each answer counts once, in the minute in which it was noted; the hour has all its
// minutes, and none that is older.
func TestHour(t *testing.T) {
	var h Hour
	begin := time.Date(2026, 3, 1, 20, 0, 30, 0, time.UTC)
	note := func(after time.Duration, sent, busy uint64) {
		h.Note(begin.Add(after), map[pushd.Verdict]uint64{pushd.Sent: sent, pushd.Busy: busy})
	}
	note(0, 1000, 0) // from before
	note(10*time.Second, 1500, 0)
	note(20*time.Second, 1600, 7)
	note(90*time.Second, 1600, 7)
	note(3*time.Minute, 1700, 7)
	all := h.Minutes(begin.Add(3 * time.Minute))
	if len(all) != 60 || !all[59].At.Equal(begin.Add(3*time.Minute).Truncate(time.Minute)) {
		t.Fatalf("%d minutes, the last one at %s", len(all), all[len(all)-1].At)
	}
	for i, want := range map[int][2]uint64{55: {}, 56: {600, 7}, 57: {}, 58: {}, 59: {100, 0}} {
		if got := all[i].Answers; got[pushd.Sent] != want[0] || got[pushd.Busy] != want[1] || all[i].Total() != want[0]+want[1] {
			t.Errorf("minute %d: %v, want %v", i, got, want)
		}
	}
	for i := range uint64(90) { // more than it keeps
		note(time.Duration(i+4)*time.Minute, 1700+10*i, 7)
	}
	sum := uint64(0)
	for _, m := range h.Minutes(begin.Add(94 * time.Minute)) {
		sum += m.Total()
	}
	if sum != 59*10 { // nothing has come in the minute under way
		t.Errorf("%d answers in the last hour", sum)
	}
}
