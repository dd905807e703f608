package meter

import (
	"sync"
	"time"

	"pushd"
)

// hourLong is how many minutes an Hour keeps, the one that is under way included.
const hourLong = 60

// Hour keeps what WeChat answered in each minute of the last hour.
type Hour struct {
	mu      sync.Mutex
	last    [pushd.VerdictCount]uint64 // the counters when they were last noted
	noted   bool
	minutes []pushd.Minute // those in which there was an answer, the oldest first
}

// Note takes the counters of an engine as they are now. What has come since the time
// before counts as this minute's, so it should be called every few seconds.
func (h *Hour) Note(now time.Time, answers map[pushd.Verdict]uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := pushd.Minute{At: now.Truncate(time.Minute)}
	for v, n := range answers {
		m.Answers[v], h.last[v] = n-h.last[v], n
	}
	if !h.noted { // who knows when these came
		h.noted = true
		return
	}
	if m.Total() == 0 {
		return
	}
	if i := len(h.minutes) - 1; i >= 0 && h.minutes[i].At.Equal(m.At) {
		for v, n := range m.Answers {
			h.minutes[i].Answers[v] += n
		}
		return
	}
	if h.minutes = append(h.minutes, m); len(h.minutes) > hourLong {
		h.minutes = h.minutes[1:]
	}
}

// Minutes is the last hour, the oldest minute first and the one under way last; a
// minute without an answer is among them.
func (h *Hour) Minutes(now time.Time) []pushd.Minute {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]pushd.Minute, hourLong)
	first := now.Truncate(time.Minute).Add(-(hourLong - 1) * time.Minute)
	for i := range all {
		all[i].At = first.Add(time.Duration(i) * time.Minute)
	}
	for _, m := range h.minutes {
		if i := int(m.At.Sub(first) / time.Minute); i >= 0 && i < hourLong {
			all[i] = m
		}
	}
	return all
}
