package doctor

import (
	"context"
	"time"

	"pushd"
)

// dueFor is how long the due query may take. pushd asks once a minute, and gives
// up after ten seconds.
const dueFor = 3 * time.Second

// reminders is what the check needs of the store: the very call by which a
// running pushd counts.
type reminders interface {
	Overdue(ctx context.Context, at pushd.Time) (int64, error)
}

// checkDue counts what is overdue as pushd serve does.
func checkDue(ctx context.Context, r *report, from reminders, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	began := time.Now()
	n, err := from.Overdue(ctx, pushd.Time(now.Add(-5*time.Minute).UnixMicro()))
	took := time.Since(began)
	switch {
	case err != nil:
		r.fail("due query", "%v; it gives one number; grant SELECT on what it reads", err)
	case took > dueFor:
		r.warn("due query", "takes %v; pushd asks once a minute: give it an index", took.Round(time.Millisecond))
	case n > 0:
		r.warn("due query", "%d reminders have been due for more than 5 minutes and are not posted: does PHP's cron run?", n)
	default:
		r.ok("due query", "runs; nothing has been due for more than 5 minutes")
	}
}

// checkDueList lists what is due within the hour as the console does.
func checkDueList(ctx context.Context, r *report, from listed, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	began := time.Now()
	all, err := from.DueBetween(ctx, pushd.Time(now.UnixMicro()), pushd.Time(now.Add(time.Hour).UnixMicro()))
	took := time.Since(began)
	switch {
	case err != nil:
		r.fail("due list", "%v; it gives act_id and due_at; grant SELECT on what it reads", err)
	case took > dueFor:
		r.warn("due list", "takes %v; the console asks twice in half a minute: give it an index", took.Round(time.Millisecond))
	case len(all) > 0:
		r.ok("due list", "%d reminders are due within the hour, the first at %s (channel %d)", len(all), all[0].At.Format(time.RFC3339), all[0].ActID)
	default:
		r.ok("due list", "runs; nothing is due within the hour")
	}
}

// listed is what lists reminders; *store.Store.
type listed interface {
	DueBetween(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error)
}
