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
// seen becomes the background that later trials are measured against. Why it
// is so and not a textbook's: docs/decisions/pacing.md.
type climber struct {
	highest int     // the account's own ceiling
	ceiling int     // the ceiling now
	before  int     // the level held before a bound lowered the ceiling
	level   int     // the level held
	ref     quality // at levels that are all right
	known   bool    // ref is measured

	trial   trial
	at      int // the level now: level, or the one tried
	s       sample
	here    quality // at the level held, since it is held
	heres   int     // samples in here, at most 10
	noise   float64 // variance of time from sample to sample, beyond what their sizes explain
	suspect quality // what made us try a lower level
	from    int     // the level it was seen at
	firm    bool    // and seen well: it was no mixture of before and after
	again   bool    // answers have become slow; the sample says how slow

	step  float64       // factor of the next trial upwards
	roof  int           // a level that was far too high
	roofs time.Time     // until then; limits move
	rest  time.Duration // between trials
	next  time.Time     // of the next trial
	ease  time.Duration // between looks at the background
	look  time.Time     // not before
	looks bool          // now
	rtt   time.Duration // smoothed
}

// trial is what the current sample is for.
type trial uint8

const (
	holding trial = iota
	tryingUp
	tryingDown
)

const (
	levelFloor = 8
	levelStart = 16
	smallStep  = 1.08
	margin     = 0.97 // of the limit that was found
	restFirst  = 500 * time.Millisecond
	restMost   = 2500 * time.Millisecond
	easeMost   = time.Minute
	roofFor    = 5 * time.Second
	fellBy     = 0.05  // quality, while holding: suspicion
	lostBy     = 0.015 // quality, at a higher level: too high
	noiseFirst = 0.0025
	shareLow   = 0.01 // refusals worth a look whether the level causes them
)

func newClimber(ceiling int) *climber {
	c := &climber{noise: noiseFirst, highest: ceiling, ceiling: ceiling, level: min(levelStart, ceiling), step: 2, rest: restFirst, ease: restFirst}
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
	case c.at > c.ceiling && c.trial == holding && c.ceiling >= c.at*9/10:
		c.level, c.at = c.ceiling, c.ceiling // hardly another level: the sample goes on
	case c.at > c.ceiling:
		c.hold(c.ceiling, now)
	}
	c.level = min(c.level, max(c.ceiling, 1))
}

// begin starts a new sample at level n.
func (c *climber) begin(t trial, n int, now time.Time) {
	c.again = false
	c.trial, c.at = t, max(min(levelFloor, c.ceiling), min(n, c.ceiling))
	c.s = sample{since: now}
}

// goOn starts another sample at the level held. Nothing has changed, so it
// counts from its first answer on: a limit that falls is seen at once.
func (c *climber) goOn(now time.Time) { c.s = sample{since: now, settled: true} }

// answer takes one answer.
func (c *climber) answer(good bool, took time.Duration, now time.Time) {
	if good {
		c.rtt += (took - c.rtt) / 16
	}
	// What comes at first was sent at another level. It is told by time, not
	// by when it was sent: of the sends from the new level the quick ones
	// answer first, and would make every sample look better than the last.
	if !c.s.settled && now.Sub(c.s.since) < c.rtt*5/4 {
		return
	}
	c.s.settled = true
	c.s.add(good, took)
	if c.ripe() {
		c.judge(now)
	}
}

// ripe says that the sample is large enough: a full turn of the level, and
// as precise as the question needs, or plainly bad.
func (c *climber) ripe() bool {
	if c.plain() && c.trial != tryingDown {
		return true
	}
	size := max(16, float64(c.at))
	if c.trial == tryingDown && c.firm {
		size = max(size, 250) // a look for a small difference
	}
	if !c.known {
		return c.s.n >= 2*size
	}
	if c.s.n < size {
		return false
	}
	if c.s.n >= 8*size || c.plain() {
		return true
	}
	effect := fellBy
	if c.trial != holding {
		effect = math.Abs(math.Log(float64(c.at) / float64(c.level)))
	}
	q := c.quality()
	return q.share.variance+q.time.variance < effect*effect/16
}

// plain says that the level is bad without any doubt. How bad cannot be told
// yet: those who came in excess were started together, and answer first.
func (c *climber) plain() bool {
	bad := c.ref.bad()
	return c.known && c.s.blockBad() > bad+max(0.25, 4*math.Sqrt(bad*(1-bad)/block))
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
	case c.trial == holding:
		c.held(q, full, now)
	case c.trial == tryingUp && !full:
		c.hold(c.level, now) // too few people or too low a rate to try it
	case c.trial == tryingUp:
		c.triedUp(q, now)
	default:
		c.triedDown(q, now)
	}
}

// held compares a sample at the level held with what it used to be.
func (c *climber) held(q quality, full bool, now time.Time) {
	fell := q.worse(c.ref, fellBy, 3) > 0 || c.plain()
	switch {
	case fell && !full && c.s.peak >= levelFloor:
		c.hold(c.s.peak, now) // what is in flight is less: judge that
		return
	case fell && full && c.at > levelFloor:
		if c.plain() { // the sample is older than the change
			q.share.value = math.Log(1 - min(c.s.blockBad(), 1-0.5/block))
		}
		// Slowness costs nobody a refusal: it is looked at twice, so that
		// one step down can tell.
		slow := !c.plain() && q.worse(quality{c.ref.share, q.time}, fellBy, 3) == 0
		if slow && !c.again {
			c.again = true
			c.goOn(now)
			return
		}
		n := c.below(q)
		if c.plain() { // how bad is not known yet, for refusals have just begun
			n = min(n, c.at/2)
		}
		c.descend(q, slow, n, now)
		return
	case c.ref.worse(q, fellBy, 3) > 0:
		c.ref = q // better times
	case !fell:
		c.ref = c.ref.with(q)
	}
	if c.heres > 0 {
		off := q.time.value - c.here.time.value
		c.noise += (off*off - c.noise) / 8
	}
	c.heres = min(c.heres+1, 10)
	c.here = c.here.towards(q, 1/float64(c.heres))
	if now.Before(c.next) || !full {
		c.goOn(now)
		return
	}
	if q.bad() > shareLow && !now.Before(c.look) && c.at > levelFloor {
		c.looks = true
		c.descend(c.here, true, int(float64(c.level)/smallStep), now)
		return
	}
	c.climb(now)
}

// descend tries level n because of q, which was seen at the level now.
func (c *climber) descend(q quality, firm bool, n int, now time.Time) {
	c.suspect, c.from, c.firm = q, c.at, firm
	c.begin(tryingDown, n, now)
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
	// A step has to show against the noise.
	step := min(2, max(c.step, math.Exp(2*math.Sqrt(c.noise))))
	if now.Before(c.roofs) {
		step = min(step, max(smallStep, math.Sqrt(float64(c.roof)/float64(c.level))))
	}
	c.begin(tryingUp, max(c.level+1, int(float64(c.level)*step)), now)
}

// hold goes on at level n.
func (c *climber) hold(n int, now time.Time) {
	c.begin(holding, n, now)
	c.level, c.next, c.heres, c.looks = c.at, now.Add(c.rest), 0, false
}

// triedUp judges a higher level.
func (c *climber) triedUp(q quality, now time.Time) {
	if c.plain() {
		c.roof, c.roofs = c.at, now.Add(roofFor)
		if half := math.Sqrt(float64(c.at) / float64(c.level)); half > smallStep { // half the way, then
			c.step = half
			c.begin(tryingUp, max(c.level+1, int(float64(c.level)*half)), now)
			return
		}
		c.rest, c.step = min(restMost, 2*c.rest), smallStep
		c.hold(c.level, now)
		return
	}
	errors := 2.5
	if c.step == smallStep {
		errors = 1.2 // a limit that is underrated a little will be tried again
	}
	by := q.worse(c.ref, lostBy, errors)
	if by == 0 {
		c.level = c.at
		if c.step > smallStep { // room, more than a trial's worth
			c.rest = restFirst
		}
		if c.step = min(2, c.step*c.step); c.ref.worse(q, fellBy, 3) > 0 {
			c.ref = q
		} else {
			c.ref = c.ref.with(q)
		}
		c.climb(now)
		return
	}
	// The excess is known now: the limit is the level less what it lost.
	limit := float64(c.at) * math.Exp(-by) * margin
	if q.worse(c.ref, lostBy, 1.8) == 0 {
		c.rest = max(restFirst, c.rest/2) // perhaps by chance: again soon
	} else {
		c.rest = min(restMost, 2*c.rest)
	}
	if q.worse(quality{q.share, c.ref.time}, lostBy, errors) > 0 && q.worse(quality{c.ref.share, q.time}, lostBy, errors) == 0 {
		c.step = max(smallStep, math.Sqrt(c.step)) // slower alone: perhaps by chance
	} else {
		c.step = smallStep
	}
	c.hold(int(min(max(limit, float64(c.level)*0.9), float64(c.at)/1.02)), now)
}

// triedDown judges a lower level against what was seen at a higher one.
func (c *climber) triedDown(q quality, now time.Time) {
	by, se := q.minus(c.suspect)
	want := math.Log(float64(c.from) / float64(c.at))
	fewer := c.suspect.worse(q, shareLow, 2.5) > 0 && q.bad() < c.suspect.bad()/2
	if by > want/2 && by > 2*se || fewer {
		if q.worse(c.ref, fellBy, 3) > 0 && c.at > levelFloor { // our doing, and not low enough
			c.level = c.at
			c.descend(q, true, min(c.below(q), int(float64(c.at)/smallStep)), now)
			return
		}
		if c.ref, c.ease = q, restFirst; !c.firm {
			c.rest = restFirst
		}
		c.step = max(smallStep, min(1.4, math.Sqrt(float64(c.level)/float64(c.at))))
		c.level = c.at
		if q.bad() > shareLow && c.at > levelFloor { // perhaps still too high
			c.descend(q, true, int(float64(c.level)/smallStep), now)
			return
		}
		c.hold(c.level, now)
		return
	}
	if (!c.firm || -by > max(fellBy, 3*se)) && c.at > levelFloor { // as yet unclear, or still getting worse
		c.descend(q, true, min(c.below(q), c.at*3/4), now)
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

// forget throws the current sample away: the flow of sends was interrupted.
func (c *climber) forget(now time.Time) { c.begin(holding, c.level, now) }
