package pushd

import (
	"testing"
	"time"
)

// A reminder of which the ledger knows nothing is held if it may have been
// accepted, and sent, in the time that the ledger has forgotten.
func TestGap_Covers(t *testing.T) {
	const window = 9 * time.Minute
	now := Time(1_900_000_000 * 1e6)
	hour := Gap{From: now.Add(-80 * time.Minute), To: now.Add(-20 * time.Minute)}
	channel := func(due time.Duration) Channel { // from now
		minutes := int64(30)
		return Channel{StartTime: now.Add(due + 30*time.Minute).Std().Unix(), NotifyMinutes: &minutes}
	}
	noStart, noMinutes := channel(0), channel(0)
	noStart.StartTime, noMinutes.NotifyMinutes = 0, nil
	for _, tc := range []struct {
		name string
		gap  Gap
		ch   Channel
		want bool
	}{
		{"NeverWentBack", Gap{}, channel(-30 * time.Minute), false},
		{"DueInTheGap", hour, channel(-30 * time.Minute), true},
		{"DueAtItsEnd", hour, channel(-20 * time.Minute), true},
		{"DueAfterIt", hour, channel(-10 * time.Minute), false},
		{"DueNow", hour, channel(0), false},
		{"NobodyKnowsTheStart", hour, noStart, true},
		{"NobodyKnowsTheMinutes", hour, noMinutes, true},
		{"WeChatRecognisesItAll", Gap{From: now.Add(-8 * time.Minute), To: now.Add(-time.Minute)}, channel(-5 * time.Minute), false},
		{"SinceWhenIsNotKnown", Gap{To: now}, channel(-time.Minute), true},
		{"ADayAgo", Gap{From: now.Add(-25 * time.Hour), To: now.Add(-24 * time.Hour)}, channel(-26 * time.Hour), false},
	} {
		if got := tc.gap.Covers(tc.ch, now, window); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// A failover that loses a second does not hide what a restored copy lost.
func TestGap_With(t *testing.T) {
	hour := Time(time.Hour.Microseconds())
	for _, tc := range []struct{ g, earlier, want Gap }{
		{Gap{From: 50 * hour, To: 51 * hour}, Gap{}, Gap{From: 50 * hour, To: 51 * hour}},
		{Gap{From: 50 * hour, To: 51 * hour}, Gap{From: 40 * hour, To: 45 * hour}, Gap{From: 40 * hour, To: 51 * hour}},
		{Gap{From: 50 * hour, To: 51 * hour}, Gap{From: 0, To: 45 * hour}, Gap{From: 0, To: 51 * hour}},
		{Gap{From: 50 * hour, To: 51 * hour}, Gap{From: 1 * hour, To: 2 * hour}, Gap{From: 50 * hour, To: 51 * hour}},
	} {
		if got := tc.g.Joined(tc.earlier); got != tc.want {
			t.Errorf("%v with %v: %v, want %v", tc.g, tc.earlier, got, tc.want)
		}
	}
}
