package pace

import (
	"math"
	"time"
)

// quality says how well an account is served: the logarithm of the share of
// good answers over their typical (geometric mean) time. As long as WeChat
// has room it is the same at every concurrency; beyond WeChat's limit it
// falls by the logarithm of the excess, whether WeChat refuses (the share
// falls) or queues (the time rises). What has nothing to do with the
// concurrency, such as 5 % refusals at any speed or a slow network, moves it
// at all levels alike. So differences of quality between two levels say
// whether the level is too high, and by how much.
type quality struct{ share, time measure }

// measure is a measured value and the variance of its error.
type measure struct{ value, variance float64 }

// value is the quality as one number.
func (q quality) value() float64 { return q.share.value - q.time.value }

// bad is the share of answers that were not good.
func (q quality) bad() float64 { return 1 - math.Exp(q.share.value) }

// usual is a share that bad is hardly beyond.
func (q quality) usual() float64 { return min(0.99, q.bad()+2*q.badError()) }

// badError is the standard error of bad.
func (q quality) badError() float64 {
	return math.Exp(q.share.value) * math.Sqrt(q.share.variance)
}

// minus is how much better q is than other, and the standard error of that.
func (q quality) minus(other quality) (by, se float64) {
	return q.value() - other.value(),
		math.Sqrt(q.share.variance + q.time.variance + other.share.variance + other.time.variance)
}

// worse is how much worse q is than other, in share and in time. Differences
// below least, or below errors times their standard error, are nothing.
func (q quality) worse(other quality, least, errors float64) float64 {
	count := func(by, variance float64) float64 {
		if by > max(least, errors*math.Sqrt(variance)) {
			return by
		}
		return 0
	}
	return count(other.share.value-q.share.value, q.share.variance+other.share.variance) +
		count(q.time.value-other.time.value, q.time.variance+other.time.variance)
}

// towards is q moved by weight (0 to 1) towards other.
func (q quality) towards(other quality, weight float64) quality {
	return quality{q.share.towards(other.share, weight), q.time.towards(other.time, weight)}
}

// with is q made more precise by other, which measured the same thing: the
// surer counts for more, and the newer never for less than a tenth.
func (q quality) with(other quality) quality {
	return quality{q.share.with(other.share), q.time.with(other.time)}
}

func (m measure) with(other measure) measure {
	return m.towards(other, max(0.1, m.variance/(m.variance+other.variance)))
}

func (m measure) towards(other measure, weight float64) measure {
	keep := 1 - weight
	return measure{keep*m.value + weight*other.value, keep*keep*m.variance + weight*weight*other.variance}
}

// shareOf is the share of good answers if bad of n were not. There may be more
// bad than n where sends are counted when they are let go and answers by when
// their worker began: none is good then.
func shareOf(bad, n float64) measure {
	n = max(n, bad, 1)
	good := 1 - bad/(n+0.5)
	return measure{math.Log(good), (1 - good) / good / n}
}

// sample collects answers to sends that were started at one level.
type sample struct {
	since     time.Time // when the level was set
	settled   bool      // the answers are to sends from this level
	n, good   float64
	sum, sum2 float64 // of the logarithms of the good answers' seconds
	peak      int     // most sends in flight
	started   int     // since then
	refused   int     // of those
	full      bool    // as many as the level have been in flight
}

// add takes an answer.
func (s *sample) add(good bool, took time.Duration) {
	s.n++
	if !good {
		return
	}
	t := math.Log(max(took, 10*time.Microsecond).Seconds())
	s.good++
	s.sum += t
	s.sum2 += t * t
}

// quality is what the sample says.
func (s *sample) quality() quality {
	share := (s.good + 0.5) / (s.n + 1)
	good := max(s.good, 1)
	mean := s.sum / good
	spread := max(s.sum2/good-mean*mean, 1e-4)
	// A share that is low by chance must not pass for a precise one.
	bad := (s.n - s.good + 1) / (s.n + 2)
	return quality{
		share: measure{math.Log(share), bad / ((1 - bad) * max(s.n, 1))},
		time:  measure{mean, spread / good},
	}
}

// beyond says that of the sample's sends more were refused than chance
// explains where a share of bad is usual. Those not yet answered count as
// good: where refusals are quick they come first.
func (s *sample) beyond(bad float64) bool {
	n := float64(s.started)
	return float64(s.refused)-bad*n > 8+3.5*math.Sqrt(bad*(1-bad)*n)
}
