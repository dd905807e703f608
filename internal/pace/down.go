package pace

import (
	"math"
	"time"
)

// How a climber notices that answers have become worse, and whether its level is
// the cause: the phases holding and lowering.

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
		// Slowness costs no recipient a refusal: it is looked at twice, so that
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
