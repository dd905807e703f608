package tokenclient

import (
	"math/rand/v2"
	"time"
)

const (
	// slowAnswer is what an answer may take without counting as slow. A fresh
	// token costs PHP a question to WeChat, some half a second.
	slowAnswer = 1500 * time.Millisecond
	// goneAfter is how many asks in a row get no answer until the endpoint
	// counts as gone. One request at a time is made then, to see whether it
	// is back.
	goneAfter = 5
)

// turns says how many asks may be under way. All accounts share the workers of
// one PHP pool, often with the platform's own pages: asks beyond what the pool
// can work on wait in its queue, where they time out, and so does everybody
// else who wants a page.
//
// It begins with what the setting allows. A slow answer halves it, once for all
// asks that were under way then, and so does one that never comes; good answers
// raise it by one a round. Where a single ask takes long, the slowness is not
// the doing of many: that time is then no longer slow.
//
// The client's mutex guards it.
type turns struct {
	most  int           // the setting
	late  time.Duration // an answer after that is slow however long a single one takes: it nearly came too late
	limit float64       // asks that may be under way, 1 to most
	busy  int           // asks under way

	fellAt time.Time     // when limit fell
	alone  time.Duration // what an answer takes that shares PHP with no other ask; 0 = not known

	lost  int           // asks in a row that got no answer
	pause time.Duration // the last one after which a request looks whether it is back
	until time.Time     // the end of that pause
	err   error         // why the endpoint is gone
}

func newTurns(most int, timeout time.Duration) turns {
	return turns{most: most, limit: float64(most), late: timeout * 3 / 4}
}

// free says whether one more ask may begin.
func (t *turns) free() bool { return t.busy < int(t.limit) }

// gone says that the endpoint does not answer, and when to look again.
func (t *turns) gone(now time.Time) bool { return now.Before(t.until) }

// answered notes an answer to an ask that began at a time, whatever it said.
func (t *turns) answered(began, now time.Time) {
	t.lost, t.pause = 0, 0
	took := now.Sub(began)
	if t.limit < 2 && took > t.alone && !began.Before(t.fellAt) {
		t.alone = took
	} else if took < t.alone {
		t.alone -= (t.alone - took) / 8
	}
	if took > min(max(slowAnswer, 2*t.alone), t.late) {
		t.fall(began, now)
		return
	}
	t.limit = min(t.limit+1/t.limit, float64(t.most))
}

// unanswered notes an ask that got no answer, and says whether the endpoint
// now counts as gone.
func (t *turns) unanswered(began, now time.Time, err error, r *rand.Rand) bool {
	t.fall(began, now)
	t.lost++
	if t.lost < goneAfter || t.gone(now) {
		return t.gone(now)
	}
	t.limit, t.fellAt = 1, now
	t.pause = min(max(firstPause, 2*t.pause), lastPause*5/6)
	t.until, t.err = now.Add(spread(t.pause, r)), err
	return true
}

// fall halves the limit, unless it has fallen since the ask began: the asks
// that are under way together are slow together.
func (t *turns) fall(began, now time.Time) {
	if began.Before(t.fellAt) {
		return
	}
	t.limit, t.fellAt = max(1, t.limit/2), now
}

// spread makes a pause up to a fifth longer, by chance, so that those who
// pause together do not come back together.
func spread(pause time.Duration, r *rand.Rand) time.Duration {
	return pause + time.Duration(r.Float64()*float64(pause)/5)
}
