package wechatsim

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Latency is a distribution of durations. The zero value is no latency. As
// text it is "50ms" (fixed), "80ms-120ms" (uniform) or "p50=150ms,p99=2s"
// (log-normal).
type Latency struct {
	low, high time.Duration
	tail      bool // low and high are the median and the 99th percentile
}

// Fixed is always d.
func Fixed(d time.Duration) Latency { return Latency{low: d, high: d} }

// Uniform is anything from low to high.
func Uniform(low, high time.Duration) Latency { return Latency{low: low, high: high} }

// LongTail is log-normal with this median and this 99th percentile.
func LongTail(p50, p99 time.Duration) Latency { return Latency{low: p50, high: p99, tail: true} }

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// at returns the value at u in [0, 1).
func (l Latency) at(u float64) time.Duration {
	switch {
	case l.low == l.high:
		return l.low
	case !l.tail:
		return l.low + time.Duration(u*float64(l.high-l.low))
	}
	z := math.Sqrt2 * math.Erfinv(2*min(max(u, 1e-6), 1-1e-6)-1)
	sigma := math.Log(float64(l.high)/float64(l.low)) / z99
	return time.Duration(float64(l.low) * math.Exp(sigma*z))
}

func (l Latency) String() string {
	switch {
	case l.tail:
		return fmt.Sprintf("p50=%v,p99=%v", l.low, l.high)
	case l.low == l.high:
		return l.low.String()
	}
	return fmt.Sprintf("%v-%v", l.low, l.high)
}

// MarshalText implements encoding.TextMarshaler, and so covers JSON.
func (l Latency) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what String writes; flags and JSON use it.
func (l *Latency) UnmarshalText(text []byte) error {
	got, err := ParseLatency(string(text))
	if err != nil {
		return err
	}
	*l = got
	return nil
}

// ParseLatency reads a distribution, see Latency.
func ParseLatency(text string) (Latency, error) {
	l := Latency{}
	low, high := text, text
	if rest, ok := strings.CutPrefix(text, "p50="); ok {
		l.tail = true
		low, high, _ = strings.Cut(rest, ",p99=")
	} else if a, b, ok := strings.Cut(text, "-"); ok {
		low, high = a, b
	}
	var err error
	if l.low, err = time.ParseDuration(low); err == nil {
		l.high, err = time.ParseDuration(high)
	}
	if err != nil {
		return Latency{}, fmt.Errorf("latency %q: want 50ms, 80ms-120ms or p50=150ms,p99=2s", text)
	}
	if l.low < 0 || l.high < l.low || l.tail && l.low == 0 {
		return Latency{}, fmt.Errorf("latency %q: the bounds are the wrong way round", text)
	}
	return l, nil
}
