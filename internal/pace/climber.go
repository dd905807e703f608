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
	// What comes at first was sent at another level. It is told by time, not
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

// early says that the next trial has to wait.
func (c *climber) early(now time.Time) bool {
	most := 3 * c.earns()
	if c.step == smallStep {
		most = 0
	}
	return now.Before(c.next) || c.budget.debt > most
}

// earns is how many sends a second may be refused for trials.
func (c *climber) earns() float64 {
	return budgetShare * float64(c.level) / max(c.rtt.Seconds(), 1e-3)
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
		c.hold(c.level, now) // too few people or too low a rate to try it
	case c.phase == raising:
		c.triedUp(q, now)
	default:
		c.triedDown(q, now)
	}
}

// held compares a sample at the level held with what it used to be.
func (c *climber) held(q quality, full bool, now time.Time) {
	fell := q.worse(c.ref, fellBy, 3) > 0
	if c.heres > 0 {
		c.vary(q)
	}
	switch {
	case fell && !full && c.s.peak >= levelFloor:
		c.hold(c.s.peak, now) // what is in flight is less: judge that
		return
	case fell && full && c.at > levelFloor:
		// Slowness costs nobody a refusal: it is looked at twice, so that
		// one step down can tell.
		refused := q.worse(quality{c.ref.share, q.time}, fellBy, 3) > 0
		if !refused && !c.again {
			c.again = true
			c.goOn(now)
			return
		}
		c.slow = !refused
		c.descend(q, !refused, c.below(q), now)
		return
	case c.ref.worse(q, fellBy, 3) > 0:
		c.ref = q // better times
	case !fell:
		c.ref = c.ref.with(q)
	}
	c.heres = min(c.heres+1, 10)
	c.here = c.here.towards(q, 1/float64(c.heres))
	if c.early(now) || !full {
		c.goOn(now)
		return
	}
	if c.s.good < c.s.n && q.bad() > shareLow && !now.Before(c.look) && !now.Before(c.proven.Add(dwell)) && c.at > levelFloor {
		c.looks, c.slow = true, false
		c.descend(c.here, true, int(float64(c.level)/smallStep), now)
		return
	}
	c.climb(now)
}

// vary learns how much times change from sample to sample. One great change is
// no noise yet.
func (c *climber) vary(q quality) {
	off := q.time.value - c.here.time.value
	c.noise += (min(off*off, 6*c.noise) - c.noise) / 8
}

// surged acts on refusals that have begun while holding.
func (c *climber) surged(now time.Time) {
	q := c.ref
	q.share = shareOf(float64(c.surge.bad), float64(c.surge.n))
	if c.s.peak < c.at*9/10 && c.s.peak >= levelFloor {
		c.hold(c.s.peak, now) // what is in flight is less: judge that
		return
	}
	if now.Before(c.proven) && c.safe < c.level { // a higher level is not so good after all
		c.met, c.step, c.rest = true, smallStep, min(restMost, 2*c.rest)
		c.proven = time.Time{}
		c.wall.put(math.Sqrt(float64(c.safe)*float64(c.level)), true)
		c.fallBack(max(c.safe, c.below(q)), now)
		return
	}
	n := c.below(q)
	c.wall.put(math.Sqrt(float64(n)*float64(c.at)), true) // between the two
	if q.share.value < c.ref.share.value-0.6 {            // how bad is not known yet, for refusals have just begun
		n = c.at / 2
		c.wall.put(1.1*float64(n), true)
	}
	c.roof, c.roofs = c.at, now.Add(roofFor)
	c.slow = false
	c.descend(q, false, n, now)
}

// descend tries level n because of q, which was seen at the level now.
func (c *climber) descend(q quality, firm bool, n int, now time.Time) {
	c.suspect, c.from, c.firm = q, c.at, firm
	c.begin(lowering, n, now)
}

// below is the level at which answers as bad as q would be as good as before,
// if the level was the cause. Times say less than refusals: they vary for
// many reasons, so they lower it by less at once.
func (c *climber) below(q quality) int {
	share := min(1, math.Exp(q.share.value-c.ref.share.value))
	slower := min(1, max(0.7, math.Exp(c.ref.time.value-q.time.value)))
	return int(float64(c.at) * max(share, 0.1) * slower * margin)
}

// climb tries a higher level, if there is one.
func (c *climber) climb(now time.Time) {
	if c.level >= c.ceiling {
		c.hold(c.level, now)
		return
	}
	n := min(max(c.level+1, int(float64(c.level)*c.stride(now))), c.ceiling)
	if !c.met && n <= blindMost || c.rate {
		c.raise(n, now)
		return
	}
	c.begin(pulsing, max(n, c.level+pulseLeast), now)
	c.p = pulse{from: now, filling: true}
	c.budget.open(now)
}

// stride is the factor by which the next trial goes above the level.
func (c *climber) stride(now time.Time) float64 {
	if c.wall.at > 0 && float64(c.level) > wallGone*c.wall.at {
		c.wall = wall{}
		c.step = min(c.step, debtStep)
	}
	// A step has to show against the noise.
	step := min(2, max(c.step, math.Exp(2*math.Sqrt(c.noise))))
	if now.Before(c.roofs) {
		step = min(step, max(smallStep, math.Sqrt(float64(c.roof)/float64(c.level))))
	}
	if c.met && c.budget.debt > c.earns()*2 {
		step = min(step, debtStep)
	}
	if c.rate {
		step = min(step, rateStep)
	}
	return c.wall.bound(step, float64(c.level))
}

// raise tries level n.
func (c *climber) raise(n int, now time.Time) {
	if !c.wall.sure || now.After(c.proven.Add(dwell)) || 5*c.safe < 4*c.level {
		c.safe = c.level
	}
	c.budget.open(now)
	c.begin(raising, n, now)
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

// pulsed takes an answer while a pulse is under way.
func (c *climber) pulsed(good bool, began, now time.Time) {
	if c.p.filling && now.Sub(c.p.from) > max(c.rtt/8, 5*time.Millisecond) {
		c.fill(now) // there are not so many to send to
	}
	c.p.answer(good, began)
	if c.p.filling || c.p.answered < c.p.started && now.Sub(c.p.filled) < 2*c.rtt {
		return
	}
	c.budget.to = c.p.filled
	room, all := c.p.room(c.ref.bad(), c.ref.badError())
	switch {
	case 2*c.p.answered < c.p.started || c.p.extras < 1:
		if c.blanks++; c.blanks > 1 { // too few people, or they had to wait for connections
			c.blanks = 0
			c.raise(max(c.level+1, int(float64(c.level)*min(c.step, rateStep))), now)
			return
		}
		c.hold(c.level, now)
	case all:
		c.zeros = 0
		c.raise(c.level+c.p.extras, now)
	default:
		c.limited(room, now)
	}
}

// limited draws the conclusion of a pulse that has met a limit: there was
// room for so many on top of the level.
func (c *climber) limited(room float64, now time.Time) {
	limit := float64(c.level) + room
	if c.wall.meet(limit) {
		c.rate = true
	} else if c.step = max(smallStep, math.Sqrt(c.step)); c.wall.sure {
		c.step = smallStep
	}
	c.met = true
	if c.zeros++; room >= 1 {
		c.zeros = 0
	} else if c.zeros > 1 {
		c.rate, c.zeros = true, 0
	}
	n := int(limit * margin)
	if float64(n) >= float64(c.level)*worthwhile {
		c.raise(n, now)
		return
	}
	if c.wall.sure {
		c.rest = min(restMost, 2*c.rest)
	}
	if c.zeros == 0 {
		n = c.level
	}
	c.hold(n, now)
	if !c.wall.sure {
		c.next = now
	}
}

// overshot goes back from a level at which too many were refused. How far it
// was too high cannot be told: those who came in excess answer first.
func (c *climber) overshot(now time.Time) {
	c.met, c.rate = true, false
	if c.step > smallStep && !c.wall.sure {
		c.step = max(smallStep, math.Sqrt(float64(c.at)/float64(c.level))) // half the way, then
		c.fallBack(c.level, now)
		c.next = now
		return
	}
	c.rest, c.step = min(restMost, 2*c.rest), smallStep
	c.wall.put(float64(c.at), true)
	c.fallBack(c.level, now)
}

// triedUp judges a higher level.
func (c *climber) triedUp(q quality, now time.Time) {
	errors := 2.5
	if c.rate { // no pulse has seen whether there is room
		errors = 2
	}
	by := q.worse(c.ref, lostBy, errors)
	if by == 0 {
		c.rise(q, now)
		return
	}
	c.met = true
	// The excess is known now: the limit is the level less what it lost.
	limit := float64(c.at) * math.Exp(-by)
	c.wall.put(limit, c.step == smallStep)
	switch {
	case !c.wall.sure:
		c.step = max(smallStep, math.Sqrt(c.step))
	case q.worse(c.ref, lostBy, 4) == 0: // perhaps by chance: again soon
		c.rest, c.wall = max(restFirst, c.rest/2), wall{}
	default:
		c.rest = min(restMost, 2*c.rest)
	}
	c.fallBack(int(min(max(limit*margin, float64(c.level)*0.9), float64(c.at)/1.02)), now)
}

// rise makes the level that was tried the level held. Where the limit is known
// to have been, it stays there for a while: a rate lets more through at first
// than for long.
func (c *climber) rise(q quality, now time.Time) {
	c.level, c.proven = c.at, now.Add(dwell)
	c.budget.to = c.proven
	if c.ref.worse(q, fellBy, 3) > 0 {
		c.ref = q
	} else {
		c.ref = c.ref.with(q)
	}
	if c.wall.at == 0 || c.wall.sure {
		c.step = min(2, c.step*c.step)
	}
	if c.wall.sure && float64(c.at) > 0.95*c.wall.at {
		c.next, c.heres = c.proven, 0
		c.goOn(now)
		return
	}
	c.rest = restFirst // there is room, more than a trial's worth
	c.climb(now)
}

// triedDown judges a lower level against what was seen at a higher one.
func (c *climber) triedDown(q quality, now time.Time) {
	if !c.slow {
		q.time = c.suspect.time // which are not in question
		q.time.variance = 0
	}
	by, se := q.minus(c.suspect)
	if c.better(q, by, se) {
		still := q.bad()-c.ref.bad() > max(fellBy, 1.5*math.Hypot(q.badError(), c.ref.badError()))
		if (still || q.worse(c.ref, fellBy, 3) > 0) && c.at > levelFloor { // our doing, and not low enough
			c.level = c.at
			c.descend(q, true, min(c.below(q), int(float64(c.at)/smallStep)), now)
			return
		}
		if !c.slow {
			q.time = c.ref.time
		}
		if c.ref, c.ease = q, restFirst; !c.firm {
			c.rest = restFirst
		}
		c.step = max(smallStep, min(1.4, math.Sqrt(float64(c.level)/float64(c.at))))
		if c.wall.at < float64(c.at) {
			c.wall.at = 1.1 * float64(c.at)
		}
		c.level = c.at
		if q.bad() > shareLow && c.at > levelFloor { // perhaps still too high
			c.descend(q, true, int(float64(c.level)/smallStep), now)
			return
		}
		c.hold(c.level, now)
		return
	}
	if (!c.firm || -by > max(fellBy, 3*se)) && c.at > levelFloor { // as yet unclear, or still getting worse
		if -by > max(fellBy, 3*se) {
			c.suspect, c.from = q, c.at
		}
		c.firm = true
		c.begin(lowering, min(c.below(q), c.at*3/4), now)
		return
	}
	if c.suspect.bad() > c.ref.bad()+0.2 && 8*c.at > c.level && c.at > levelFloor {
		c.begin(lowering, c.at/2, now) // so many that it is worth to be sure
		return
	}
	// Not our doing: the background.
	c.ref = c.suspect
	c.ease = min(easeMost, 2*c.ease)
	c.look = now.Add(c.ease)
	if c.looks {
		c.looks = false
		c.climb(now)
		return
	}
	c.hold(c.level, now)
}

// better says whether q, at a lower level, is better than what was seen at the
// higher one; by and se are the difference and its error.
func (c *climber) better(q quality, by, se float64) bool {
	enough := by > math.Log(float64(c.from)/float64(c.at))/4 // of what the level would explain
	fewer := c.suspect.bad() - q.bad()
	rose := c.suspect.bad() - c.ref.bad()
	switch {
	case enough && by > 2*se:
		return true
	case c.suspect.worse(q, shareLow, 2.5) > 0 && 2*q.bad() < c.suspect.bad():
		return true
	case c.slow:
		return false
	case enough && fewer > 2.5*math.Hypot(c.suspect.badError(), q.badError()):
		return true // the error of a logarithm is no measure where nearly all are refused
	}
	return rose > 3*shareLow && fewer > rose/2 // nearer to what it was
}

// forget throws the current sample away: the flow of sends was interrupted.
func (c *climber) forget(now time.Time) { c.begin(holding, c.level, now) }
