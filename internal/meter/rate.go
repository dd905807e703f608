package meter

import (
	"sync"
	"time"
)

// Rate counts messages over the last ten seconds.
type Rate struct {
	mu     sync.Mutex
	second [10]int64 // which second a bucket is for
	count  [10]int64
}

// Add counts a message at now.
func (w *Rate) Add(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := now.Unix()
	i := s % 10
	if w.second[i] != s {
		w.second[i], w.count[i] = s, 0
	}
	w.count[i]++
}

// PerSecond is the mean over the last ten whole and broken seconds.
func (w *Rate) PerSecond(now time.Time) float64 {
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
