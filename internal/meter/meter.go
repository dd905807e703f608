// Package meter counts what an engine does since it was made: answers, pages,
// writes and how long they took, and messages a second of one job.
package meter

import (
	"sync"
	"sync/atomic"
	"time"

	"pushd"
)

// Counters are what an engine counts since it was made.
type Counters struct {
	answers      [pushd.VerdictCount]atomic.Uint64
	retries      atomic.Uint64
	refused      atomic.Uint64 // recipients who were skipped for an earlier refusal
	unlisted     atomic.Uint64 // those who are not on the staging list
	Pages        atomic.Uint64 // walked
	People       atomic.Uint64 // on them
	LedgerErrors atomic.Uint64 // calls that failed and were repeated
	Lost         atomic.Uint64 // leases
	sends        histogram
	writes       histogram

	mu    sync.Mutex
	byEnd map[pushd.State]uint64
}

// bounds are the upper ends of the histograms' buckets, in seconds.
var bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

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

// Recorded counts a write of progress.
func (c *Counters) Recorded(d time.Duration) { c.writes.add(d) }

// Ended counts a job that has ended.
func (c *Counters) Ended(s pushd.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byEnd == nil {
		c.byEnd = map[pushd.State]uint64{}
	}
	c.byEnd[s]++
}

// Answer counts one answer to a send; again says that the recipient was sent to
// before.
func (c *Counters) Answer(v pushd.Verdict, again bool, took time.Duration) {
	c.answers[v].Add(1)
	if again {
		c.retries.Add(1)
	}
	c.sends.add(took)
}

// Unasked counts a recipient who was skipped without being asked, and why.
func (c *Counters) Unasked(code int) {
	if code == pushd.CodeRefusedBefore {
		c.refused.Add(1)
	} else {
		c.unlisted.Add(1)
	}
}

// Stats returns what was counted, as far as it is known here.
func (c *Counters) Stats() pushd.Stats {
	s := pushd.Stats{
		Answers: map[pushd.Verdict]uint64{}, Retries: c.retries.Load(), Pages: c.Pages.Load(), People: c.People.Load(),
		SendSeconds: c.sends.snapshot(), LedgerSeconds: c.writes.snapshot(), LedgerErrors: c.LedgerErrors.Load(),
		Jobs: map[pushd.State]int{}, JobsEnded: map[pushd.State]uint64{}, LeasesLost: c.Lost.Load(),
		RefusedBefore: c.refused.Load(), NotOnList: c.unlisted.Load(),
	}
	s.LedgerWrites = s.LedgerSeconds.Count
	for v := range c.answers {
		s.Answers[pushd.Verdict(v)] = c.answers[v].Load()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for state, n := range c.byEnd {
		s.JobsEnded[state] = n
	}
	return s
}
