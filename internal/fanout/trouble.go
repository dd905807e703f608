package fanout

import (
	"sync"
	"time"
)

// sayEvery is how often a database that does not answer is logged.
const sayEvery = 10 * time.Second

// trouble is what is known of calls that fail: while the database is away each of
// many loops fails several times a second, and one line in a while says it all.
type trouble struct {
	mu     sync.Mutex
	since  time.Time // of the first failure; zero while all is well
	said   time.Time
	calls  int // that failed since then
	silent int // of those, since the last line
}

// failed counts a failure, and says whether to log it, and how many were not.
func (t *trouble) failed(now time.Time) (say bool, unsaid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = now
	}
	t.calls++
	if now.Sub(t.said) < sayEvery {
		t.silent++
		return false, 0
	}
	t.said, unsaid, t.silent = now, t.silent, 0
	return true, unsaid
}

// over ends the trouble, and says for how long it was and how many calls had
// failed; 0 = there was none.
func (t *trouble) over(now time.Time) (lasted time.Duration, calls int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		return 0, 0
	}
	lasted, calls = now.Sub(t.since), t.calls
	t.since, t.calls, t.silent = time.Time{}, 0, 0
	return lasted, calls
}
