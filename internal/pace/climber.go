package pace

import (
	"math"
	"time"
)

// climber finds the concurrency of one account. It holds a level, and tries
// others against it: a higher one to find room, a lower one when the answers
// have become worse. A trial that leaves the quality of the answers as it was
// moves the level up; one that makes them better moves it down; a trial down
// that changes nothing shows that the level was not the cause, and what was
// seen becomes the background that later trials are measured against. Before
// a higher level comes a pulse: a few sends on top of the level, once. Why it
// is so and not a textbook's: docs/decisions/pacing.md.
type climber struct {
	highest int     // the account's own ceiling
	ceiling int     // the ceiling now
	before  int     // the level held before a bound lowered the ceiling
	level   int     // the level held
	ref     quality // at levels that are all right
	known   bool    // ref is measured

	phase   phase
	at      int // the level now: level, or the one tried
	s       sample
	p       pulse
	surge   surge
	set     time.Time // when the level was set
	here    quality   // at the level held, since it is held
	heres   int       // samples in here, at most 10
	noise   float64   // variance of time from sample to sample, beyond what their sizes explain
	suspect quality   // what made us try a lower level
	from    int       // the level it was seen at
	firm    bool      // and seen well: it was no mixture of before and after
	slow    bool      // by its times
	again   bool      // answers have become slow; the sample says how slow

	step   float64       // factor of the next trial upwards
	roof   int           // a level that was too high, or right before a bound
	roofs  time.Time     // until then; limits move
	met    bool          // a limit was met once
	wall   wall          // where it was met last
	rate   bool          // it is none of sends in flight, so pulses say nothing
	blanks int           // pulses in a row that said nothing
	zeros  int           // pulses in a row for which there was no room at all
	safe   int           // the level before the last one that was raised to
	proven time.Time     // until then a surge is that raise's doing
	rest   time.Duration // between trials
	next   time.Time     // of the next trial
	ease   time.Duration // between looks at the background
	look   time.Time     // not before
	looks  bool          // now
	rtt    time.Duration // smoothed
	budget budget        // of trials upwards
}

// phase is what the answers are looked at for.
type phase uint8

// The phases, and what ends them:
//
//	holding   the next trial is due: pulsing, or raising where that cannot
//	          cost much, or lowering for a look at the background
//	          answers have become worse: lowering
//	pulsing   its sends are answered: raising if there was room, else holding
//	raising   refusals, or a sample is complete: holding, or pulsing again
//	lowering  a sample is complete: lowering further, or holding
const (
	holding phase = iota
	pulsing
	raising
	lowering
)

const (
	levelFloor = 8 // sends in flight
	levelStart = 16
	blindMost  = 128 // until a limit was met, levels up to it are raised without a pulse

	// Factors of the level.
	smallStep  = 1.08
	rateStep   = 1.15 // where no pulse goes before
	debtStep   = 1.2  // while trials have cost much
	margin     = 0.97 // of the limit that was found
	worthwhile = 1.02 // for less no level is raised

	restFirst = 500 * time.Millisecond // between trials
	restMost  = 1500 * time.Millisecond
	dwell     = time.Second // at a level that is a small step higher
	easeMost  = time.Minute
	roofFor   = 10 * time.Second

	fellBy     = 0.05  // quality, while holding: suspicion
	lostBy     = 0.015 // quality, at a higher level: too high
	shareLow   = 0.01  // refusals worth a look whether the level causes them
	hopeless   = 0.6   // refusals at a level that is far too high
	noiseFirst = 0.003 // square of a logarithm
)

func newClimber(ceiling int) *climber {
	c := &climber{noise: noiseFirst, highest: ceiling, ceiling: ceiling, level: min(levelStart, ceiling), step: 2, rest: restFirst, ease: restFirst, budget: budget{debt: -grant}}
	c.at = c.level
	return c
}

// bound lowers the ceiling to most, or lifts it again for 0.
func (c *climber) bound(most int, now time.Time) {
	was := c.ceiling
	if c.ceiling = c.highest; most > 0 {
		c.ceiling = min(c.highest, most)
	}
	if was == c.highest {
		c.before = c.level
	}
	switch {
	case c.ceiling > was && c.level >= was:
		c.step, c.rest, c.next = 2, restFirst, now
		if c.before > c.level { // what was the right level may be so still
			c.roof, c.roofs = c.before, now.Add(roofFor)
		}
	case c.at > c.ceiling && c.phase == holding && c.ceiling >= c.at*9/10:
		c.level, c.at = c.ceiling, c.ceiling // hardly another level: the sample goes on
	case c.at > c.ceiling:
		c.hold(c.ceiling, now)
	}
	c.level = min(c.level, max(c.ceiling, 1))
}

// begin starts a new sample at level n.
func (c *climber) begin(ph phase, n int, now time.Time) {
	if c.p.filling { // what it was for is over
		c.fill(now)
	}
	c.again = false
	c.phase, c.at = ph, max(min(levelFloor, c.ceiling), min(n, c.ceiling))
	c.s, c.surge, c.set = sample{since: now}, surge{}, now
}

// goOn starts another sample at the level held. Nothing has changed, so it
// counts from its first answer on: a limit that falls is seen at once.
func (c *climber) goOn(now time.Time) {
	c.phase, c.at = holding, c.level
	c.s = sample{since: now, settled: true}
}

// started takes a start that has made it so many in flight.
func (c *climber) started(inFlight int, now time.Time) {
	if c.s.started++; c.s.started == 1 && !c.s.settled {
		if now.After(c.s.since) { // before, what was in flight was of another level
			c.s.since = now
		}
	}
	if c.phase == raising && !c.s.full && inFlight >= c.at {
		// The first were started all at once, which a limited rate refuses
		// though it would bear the level.
		c.s.full, c.s.started, c.set = true, 0, now
	}
	c.s.peak = max(c.s.peak, inFlight)
	if !c.p.filling && !c.p.followed {
		c.p.follow(now)
	}
	if c.phase == pulsing && c.p.filling {
		c.p.started++
		c.p.extras = inFlight - c.level
		if inFlight >= c.at {
			c.fill(now)
		}
	}
}

// fill ends the start of a pulse's sends.
func (c *climber) fill(now time.Time) { c.p.filling, c.p.filled, c.at = false, now, c.level }

// answer takes one answer.
func (c *climber) answer(good bool, took time.Duration, now time.Time) {
	if good {
		c.rtt += (took - c.rtt) / 16
	}
	began := now.Add(-took)
	c.budget.answer(good, began, c.ref.bad(), c.earns()*debtMost.Seconds())
	if c.phase == pulsing {
		c.pulsed(good, began, now)
		return
	}
	if c.p.holds(began) {
		return // it was no send from a level
	}
	if !good && began.After(c.set) && c.refused(now) {
		return
	}
	// What comes at first was sent at another level. It is known by time, not
	// by when it was sent: of the sends from the new level the quick ones
	// answer first, and would make every sample look better than the last.
	if !c.s.settled && now.Sub(c.s.since) < c.rtt*5/4 {
		return
	}
	c.s.settled = true
	c.s.add(good, took)
	if c.phase == holding && c.known && !began.Before(c.set) && c.surge.add(good, c.ref.usual()) && c.at > levelFloor {
		c.surged(now)
		return
	}
	if c.ripe(now) {
		c.judge(now)
	}
}

// refused takes a refusal of a send from the level now, and says that it was
// enough for a conclusion: the sample would say no more.
func (c *climber) refused(now time.Time) bool {
	switch c.s.refused++; {
	case c.phase == raising && c.known && c.s.full && c.s.beyond(c.ref.usual()):
		c.overshot(now)
		return true
	case c.phase == lowering && c.at > levelFloor && c.s.beyond(hopeless):
		q := c.suspect
		q.share = shareOf(float64(c.s.refused), float64(c.s.started))
		c.slow = false
		c.descend(q, true, c.at/2, now)
		return true
	}
	return false
}

// ripe says that the sample is large enough: a full turn of the level, and
// as precise as the question needs.
func (c *climber) ripe(now time.Time) bool {
	size := max(16, float64(c.at))
	if c.phase == lowering && c.firm && 4*c.at > 3*c.from {
		size = max(size, min(250, 8*size)) // a look for a small difference
	}
	if !c.known {
		return c.s.n >= 2*size
	}
	if c.s.n < size {
		return false
	}
	if c.s.n >= 8*size || c.phase == holding && !c.early(now) || c.phase == raising && c.s.n >= 3*size {
		return true
	}
	effect := fellBy
	if c.phase != holding {
		effect = math.Abs(math.Log(float64(c.at) / float64(c.level)))
	}
	q := c.quality()
	if c.phase == lowering && !c.slow {
		return q.share.variance < effect*effect/16
	}
	return q.share.variance+q.time.variance < effect*effect/16
}

func (c *climber) quality() quality {
	q := c.s.quality()
	if c.s.good < 1 {
		q.time = c.ref.time
	}
	return q
}

// judge draws the conclusion of the sample.
func (c *climber) judge(now time.Time) {
	q := c.quality()
	q.time.variance += c.noise
	full := c.s.peak >= c.at*9/10
	switch {
	case !c.known:
		c.ref, c.known = q, true
		c.climb(now)
	case c.phase == holding:
		c.held(q, full, now)
	case c.phase == raising && !full:
		c.hold(c.level, now) // too few recipients or too low a rate to try it
	case c.phase == raising:
		c.triedUp(q, now)
	default:
		c.triedDown(q, now)
	}
}

// hold goes on at level n.
func (c *climber) hold(n int, now time.Time) {
	c.begin(holding, n, now)
	c.level, c.next, c.heres, c.looks = c.at, now.Add(c.rest), 0, false
}

// fallBack goes on at level n after a higher one was too high. What is started
// at first comes in the waves in which the refused were answered.
func (c *climber) fallBack(n int, now time.Time) {
	c.hold(n, now)
	c.set = now.Add(2 * c.rtt)
	c.s.since = c.set
	c.budget.to = now.Add(dwell)
}

// forget throws the current sample away: the flow of sends was interrupted.
func (c *climber) forget(now time.Time) { c.begin(holding, c.level, now) }
