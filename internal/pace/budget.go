package pace

import "time"

const (
	// budgetShare is the share of sends that may be refused because of trials.
	budgetShare = 0.015
	// debtMost is how long paying back takes at the most: a limit that has
	// moved is to be found within ten seconds.
	debtMost = 5 * time.Second
	// grant is how many sends the first search may have refused, free of
	// charge.
	grant = 300
)

// budget keeps what trials upwards cost. A trial waits until what those
// before it have cost is paid back, so that it does not matter what kind of
// limit makes them cost how much.
type budget struct {
	from, to time.Time // when the sends of the last trial were started
	debt     float64   // sends refused beyond the background and not paid back; below 0: credit
}

// open begins a trial. It ends when to is set.
func (b *budget) open(now time.Time) { b.from, b.to = now, now.Add(time.Hour) }

// answer takes an answer where a share of bad is refused anyway, and pays back
// with it what was borrowed, which is most at the most.
func (b *budget) answer(good bool, began time.Time, bad, most float64) {
	if b.debt > 0 {
		b.debt = min(max(0, b.debt-budgetShare), most)
	}
	if b.from.IsZero() || began.Before(b.from) || began.After(b.to) {
		return
	}
	if b.debt = max(-grant, b.debt-bad); !good {
		b.debt++
	}
}
