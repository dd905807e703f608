package pace

import "time"

// minuteQuota learns how many messages WeChat takes in a minute, where it
// says so at all (45011), and spreads them over the minute: going on at full
// speed until the next refusal would have every minute's last sends refused.
//
// It aims below what was taken in the minute of the refusal, and a little
// higher after every minute without one: quotas move too.
type minuteQuota struct {
	seconds [90]struct {
		at int64
		n  int
	} // accepted messages by the second of their start
	taken   float64   // in the minute of the last refusal; 0: never refused
	aim     float64   // messages a minute now
	step    float64   // by which the aim rises after a good minute
	end     time.Time // of the current minute
	refused bool      // in the current minute
	bucket  *Bucket   // nil until the first refusal
}

const (
	quotaAim  = 0.95 // of what was taken
	quotaStep = 0.02
	quotaLow  = 30 // messages a minute that are tried whatever was taken
)

// accepted notes a message that was started at at and not refused.
func (q *minuteQuota) accepted(at time.Time) {
	s := &q.seconds[at.Unix()%int64(len(q.seconds))]
	if s.at != at.Unix() {
		s.at, s.n = at.Unix(), 0
	}
	s.n++
}

// sum counts the accepted messages of the minute that ends at end.
func (q *minuteQuota) sum(end time.Time) float64 {
	from, n := end.Add(-time.Minute).Unix(), 0
	for _, s := range q.seconds {
		if s.at >= from && s.at < end.Unix() {
			n += s.n
		}
	}
	return float64(n)
}

// refuse takes a 45011 in the minute that ends at end.
func (q *minuteQuota) refuse(end time.Time) {
	if q.refused && end.Sub(q.end) < time.Minute/2 {
		return // one more of those that were in flight
	}
	q.end, q.refused, q.step = end, true, quotaStep
	q.taken = max(q.sum(end), quotaLow)
	if before := q.sum(end.Add(-time.Minute)); q.taken < before/10 {
		q.taken = before // the answer to a send of the minute before
	}
	q.spread(q.taken * quotaAim)
}

func (q *minuteQuota) spread(perMinute float64) {
	q.aim = perMinute
	if q.bucket == nil {
		q.bucket = NewBucket(perMinute / 60)
	} else {
		q.bucket.set(perMinute / 60)
	}
}

// turn looks whether a minute has ended. The aim rises only after a minute
// that has used it; once more was taken than in the minute of the refusal,
// it rises faster and faster, for the quota has moved.
func (q *minuteQuota) turn(now time.Time) {
	for q.bucket != nil && !now.Before(q.end) {
		if used := q.sum(q.end); !q.refused && used >= 0.9*q.aim {
			q.spread(q.aim * (1 + q.step))
			if used > q.taken {
				q.step = min(1, 2*q.step)
			}
		}
		q.refused = false
		q.end = q.end.Add(time.Minute)
		if now.Sub(q.end) > time.Hour {
			q.end = now.Truncate(time.Minute)
		}
	}
}
