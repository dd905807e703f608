package pace

import (
	"math"
	"time"
)

// pulse is a few sends on top of the level, started at once. Nothing is
// started then until there are fewer in flight than the level again, so they
// alone find out whether there is room for more: what it costs is their own
// refusals. They are recognised by when they were started.
type pulse struct {
	from, to time.Time // they began then; to is not known until others start
	filled   time.Time // when the last was let go
	filling  bool      // they are being let go
	followed bool      // others have started
	extras   int       // sends on top of the level
	started  int       // sends, with those that took the places of others
	answered int
	refused  int
}

// pulseLeast is how many sends on top of a low level are tried.
const pulseLeast = 4

// follow takes the first start after it. What a send waits for its worker is
// no part of its time, so those of the pulse may begin until then.
func (p *pulse) follow(now time.Time) { p.followed, p.to = true, now }

// holds says that a send that began then is one of the pulse.
func (p *pulse) holds(began time.Time) bool {
	return !began.Before(p.from) && (!p.followed || began.Before(p.to))
}

// answer takes an answer.
func (p *pulse) answer(good bool, began time.Time) {
	if !p.holds(began) {
		return
	}
	p.answered++
	if !good {
		p.refused++
	}
}

// room is for how many of the extra sends there was room, where a share of bad
// is refused anyway, give or take an error. all says that no fewer were seen
// with certainty.
func (p *pulse) room(bad, err float64) (sends float64, all bool) {
	n := float64(max(p.answered, 1))
	excess := (float64(p.refused) - bad*n) / (1 - bad) * float64(p.started) / n
	if excess <= max(1, 2*math.Sqrt(bad*(1-bad)*n+err*err*n*n)) {
		return float64(p.extras), true
	}
	return max(0, float64(p.extras)-excess), false
}
