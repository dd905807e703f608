package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/audience"
	"pushd/internal/retry"
)

var errWalkIncomplete = errors.New("the list of the audience broke off")

// errAfterYes leaves the further pass to the claim that sends to the rest.
var errAfterYes = errors.New("the job waits for a person")

// end decides whether the pass that has just ended makes the walk complete.
func (w *walker) end(ctx context.Context, sound bool) error {
	next, shown := w.walk, w.walk
	next.Cursor = ""
	w.ended++
	if sound {
		w.sound++
	} else {
		w.cutShort()
	}
	if w.odd > 0 && w.walk.Walked == 0 && !w.run.job.Audience.Listed() { // a mistake of the platform's, not that no one has asked
		return w.run.park(pushd.AudienceUnavailable, audience.Unlisted(w.run.job.Audience, pushd.Answer{Text: pushd.NoOpenIDs(w.odd)}), w.run.e.clock.Now().Add(audienceLook))
	}
	_, tag := w.run.job.Audience.Tag()
	if tag {
		// Without a count, a pass is compared with those before it, and a list that
		// was cut short, by whatever, would agree with the next that breaks off.
		shown.Pass = w.sound
	}
	next.Complete = sound && w.list.Complete(shown, w.most)
	if sound && w.uncounted {
		all := next.Walked
		next.Total = &all
	}
	spent := w.walk.Pass >= maxPasses || w.walk.Pass > 1 && w.walk.Fresh == 0
	if tag {
		spent = w.ended >= maxTagPasses
	}
	if !next.Complete && spent {
		if err := w.save(ctx, next); err != nil {
			return err
		}
		return errWalkIncomplete
	}
	if !next.Complete && !w.list.Grows() {
		w.run.log.Warn("the list ended too early, or is not counted; walking it again",
			"audience", w.run.job.Audience, "pass", w.walk.Pass, "walked", w.walk.Walked, "total", w.walk.Known())
	}
	return w.save(ctx, next)
}

// cutShort takes note of a pass that did not come to the list's end. If it has
// found some who are new, those before it have missed them, and are no measure.
func (w *walker) cutShort() {
	if w.walk.Fresh > 0 {
		w.sound = 0
	}
}

// othersFirst waits, before a further pass for those who were added meanwhile,
// until the others have been sent to, or nothing is sent any more. errAfterYes: a
// person has to let the others follow, and some may be added before that.
func (w *walker) othersFirst(ctx context.Context) error {
	const look, quietFor = 100 * time.Millisecond, 2 * time.Second
	for quiet := time.Duration(0); w.list.Grows() && w.walk.Pass > 0 && w.run.unsettled(w.walk) && quiet < quietFor; quiet += look {
		if w.run.firstDone.Load() {
			return errAfterYes
		}
		if !w.run.idle.Load() {
			quiet = 0
		}
		if !retry.Sleep(ctx, look) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// audienceLook is how often an audience that can't be listed is looked at again.
const audienceLook = time.Minute

// incomplete is how a job ends whose walk could not be completed.
func incomplete(w pushd.Walk) error {
	return &ended{pushd.Ending{State: pushd.Failed, Reason: pushd.WalkIncomplete, Detail: fmt.Sprintf(
		"WeChat listed %d recipients of %d, also when asked again; it was sent to those listed; POST with continue to list again", w.Walked, w.Known())}}
}
