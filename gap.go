package pushd

import (
	"fmt"
	"time"
)

// Gap is a time of which a ledger that went back has lost what happened.
// The zero Gap is none.
type Gap struct {
	From Time // 0 = not known
	To   Time
}

// lostFor is how long reminders are asked for of which the ledger has
// forgotten that they were accepted.
const lostFor = 24 * time.Hour

// ClockSlack is how far in the future a moment may seem to lie: the node of the
// database that wrote it down may have a clock that is ahead of this process's.
// It is what PUSHD_DEDUP_WINDOW's default leaves of WeChat's ten minutes.
const ClockSlack = time.Minute

// HeldAdvice is the end of the detail of a job that is held.
const HeldAdvice = "resume the job to send to everyone of whom the ledger does not know that they got the message (some may get it twice), or cancel it"

// Forgotten says that WeChat may not recognise any more what was sent in the
// gap. A gap from the future is of a clock that can't be believed.
func (g Gap) Forgotten(now Time, window time.Duration) bool {
	age := now.Sub(g.From)
	return g.From == 0 || age < -ClockSlack || age >= window
}

// Joined is the gap together with an earlier one of which reminders may still be
// missing.
func (g Gap) Joined(earlier Gap) Gap {
	if earlier.To != 0 && g.To.Sub(earlier.To) < lostFor {
		g.From = min(g.From, earlier.From)
		g.To = max(g.To, earlier.To)
	}
	return g
}

// Covers says whether a reminder of which the ledger knows nothing may have been
// accepted and sent in the gap: it was due by then, and WeChat may not recognise
// its messages any more.
func (g Gap) Covers(ch Channel, now Time, window time.Duration) bool {
	if g.To == 0 || now.Sub(g.To) >= lostFor || !g.Forgotten(now, window) {
		return false
	}
	if ch.StartTime == 0 || ch.NotifyMinutes == nil {
		return true // it is not known when it was due
	}
	due := Time(ch.StartTime * 1e6).Add(-time.Duration(*ch.NotifyMinutes) * time.Minute)
	return due <= g.To.Add(ClockSlack)
}

// String is the gap in words.
func (g Gap) String() string {
	from := "at a time that is not known"
	if g.From != 0 {
		from = "at " + stamp(g.From)
	}
	return fmt.Sprintf("the database went back to how it was %s; what happened from then until %s is not in it", from, stamp(g.To))
}

// stamp writes a time as it is read.
func stamp(t Time) string { return t.Std().Format(time.RFC3339) }
