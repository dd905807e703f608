package fanout

import (
	"sync"
	"sync/atomic"
	"time"

	"pushd"
)

// counters are what the engine counts since it was made.
type counters struct {
	answers      [pushd.VerdictCount]atomic.Uint64
	retries      atomic.Uint64
	pages        atomic.Uint64
	people       atomic.Uint64
	ledgerErrors atomic.Uint64
	lost         atomic.Uint64
	sends        histogram
	writes       histogram

	mu    sync.Mutex
	byEnd map[pushd.State]uint64
}

// bounds are the upper ends of the histograms' buckets, in seconds.
var bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// histogram counts durations by bucket.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	nanos  atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	s := d.Seconds()
	i := 0
	for i < len(bounds) && s > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.nanos.Add(int64(d))
}

func (h *histogram) snapshot() pushd.Histogram {
	out := pushd.Histogram{Bounds: bounds[:], Sum: time.Duration(h.nanos.Load()).Seconds()}
	var sum uint64
	for i := range h.counts {
		sum += h.counts[i].Load()
		if i < len(bounds) {
			out.Counts = append(out.Counts, sum)
		}
	}
	out.Count = sum
	return out
}

func (c *counters) recorded(d time.Duration) { c.writes.add(d) }

func (c *counters) ended(s pushd.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byEnd == nil {
		c.byEnd = map[pushd.State]uint64{}
	}
	c.byEnd[s]++
}

// count counts one answer to a send.
func (e *Engine) count(r result) {
	e.counters.answers[r.answer.Verdict].Add(1)
	if r.t.asked {
		e.counters.retries.Add(1)
	}
	e.counters.sends.add(r.took)
}

// Stats returns the counters.
func (e *Engine) Stats() pushd.Stats {
	c := &e.counters
	s := pushd.Stats{
		Answers: map[pushd.Verdict]uint64{}, Retries: c.retries.Load(), Pages: c.pages.Load(), People: c.people.Load(),
		SendSeconds: c.sends.snapshot(), LedgerSeconds: c.writes.snapshot(), LedgerErrors: c.ledgerErrors.Load(),
		Jobs: map[pushd.State]int{}, JobsEnded: map[pushd.State]uint64{}, LeasesLost: c.lost.Load(),
	}
	s.StatusMended, s.StatusErrors = e.house.Mended()
	s.LedgerWrites = s.LedgerSeconds.Count
	for v := range c.answers {
		s.Answers[pushd.Verdict(v)] = c.answers[v].Load()
	}
	for _, r := range e.running() {
		s.InFlight += int(r.inFlight.Load())
		s.Concurrency += r.account.pacer.Limit()
		s.Jobs[pushd.Running]++
	}
	s.Jobs[pushd.Parked] = int(e.house.Parked())
	c.mu.Lock()
	defer c.mu.Unlock()
	for state, n := range c.byEnd {
		s.JobsEnded[state] = n
	}
	return s
}

// rateWindow counts messages over the last ten seconds.
type rateWindow struct {
	mu     sync.Mutex
	second [10]int64 // which second a bucket is for
	count  [10]int64
}

func (w *rateWindow) add(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := now.Unix()
	i := s % 10
	if w.second[i] != s {
		w.second[i], w.count[i] = s, 0
	}
	w.count[i]++
}

// perSecond is the mean over the last ten whole and broken seconds.
func (w *rateWindow) perSecond(now time.Time) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, sum := now.Unix(), int64(0)
	oldest := s
	for i, sec := range w.second {
		if sec != 0 && s-sec < 10 {
			sum += w.count[i]
			oldest = min(oldest, sec)
		}
	}
	span := now.Sub(time.Unix(oldest, 0)).Seconds()
	return float64(sum) / max(span, 1)
}

// Rate returns the job's messages/s over the last ten seconds, if this
// process works on it.
func (e *Engine) Rate(id pushd.JobID) (perSecond float64, ok bool) {
	r := e.find(id)
	if r == nil {
		return 0, false
	}
	return r.rate.perSecond(time.Now()), true
}
