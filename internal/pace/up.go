package pace

import (
	"math"
	"time"
)

// How a climber looks for a higher level: the phases pulsing and raising.

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
		if c.blanks++; c.blanks > 1 { // too few recipients, or they had to wait for connections
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
// was too high is not known: those who came in excess answer first.
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
