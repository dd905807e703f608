package fanout

import (
	"context"
	"errors"
	"time"

	"pushd"
	"pushd/internal/audience"
	"pushd/internal/fanout/dedup"
	"pushd/internal/retry"
)

// walker lists a job's audience and stores it, page by page. It does not wait for
// the sends: a list of a million is a hundred calls, and the shorter the walk, the
// less the list changes under it.
//
// It ends on an empty list or an empty cursor and never on a total, which moves.
// An end that may be too early is walked again, and only those who are new are
// added.
type walker struct {
	run       *run
	list      audience.List
	walk      pushd.Walk
	seen      *dedup.Set
	used      map[pushd.OpenID]bool // cursors of this pass
	most      int64                 // the highest total of this pass
	odd       int                   // rows of this pass that are no openids
	uncounted bool                  // the list gives no total
	ended     int                   // passes that this walker saw end
	sound     int                   // those of them that came to the list's end
	first     bool                  // the next page is the first of the list
	token     pushd.Token           // that gave the last page
	tries     int                   // answers in a row that were not good
	good      pushd.Time            // when the last good answer came
}

const (
	staleWalk    = 10 * time.Minute // an unfinished pass older than this starts again
	maxPasses    = 3
	maxTagPasses = 6 // of a claim: of a tag one pass says little
)

// newWalker walks the audience of a run's job from where an earlier claim left off.
func newWalker(r *run, from pushd.Walk) *walker {
	return &walker{run: r, list: audience.Of(r.job.Audience, r.wechat, r.job.ActID, r.e.cfg.Ledger, r.retry), walk: from}
}

// do walks until the list is complete. errWalkIncomplete: it can't be.
func (w *walker) do(ctx context.Context) error {
	defer func() {
		if w.seen != nil {
			w.seen.Close()
		}
	}()
	for !w.walk.Complete {
		if err := w.pass(ctx); errors.Is(err, errAfterYes) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// pass walks the list once, from where an earlier claim left off or from the
// start.
func (w *walker) pass(ctx context.Context) error {
	now := w.run.e.clock.Now()
	if w.walk.Pass == 0 || w.walk.Cursor == "" || now.Sub(w.walk.PassAt) > staleWalk {
		if err := w.othersFirst(ctx); err != nil {
			return err
		}
		w.begin(w.run.e.clock.Now())
	}
	last, again := w.walk.Cursor, false
	for {
		page, sound, err := w.fetch(ctx)
		if err != nil {
			return err
		}
		// A page of nothing but what can't be an openid is not the end.
		more := sound && (len(page.OpenIDs) > 0 || page.Odd > 0 && page.Next != "")
		if more {
			last = page.End()
			if err := w.store(ctx, page); err != nil {
				return err
			}
			if err := w.run.awaitDelivery(ctx); err != nil {
				return err
			}
			if sound = !w.used[page.Next]; sound {
				w.used[page.Next] = true
			}
			more = sound && page.Next != ""
		}
		if !more && sound && !again && last != "" && (w.walk.Seen < w.most || w.uncounted && !w.list.Grows()) {
			// Short of WeChat's own count, or it gives none: the end may have been a hiccup.
			w.walk.Cursor, again = last, true
			continue
		}
		if !more {
			return w.end(ctx, sound)
		}
	}
}

// begin starts a new pass.
func (w *walker) begin(now pushd.Time) {
	w.walk.Pass++
	w.walk.Cursor, w.walk.Seen, w.walk.Fresh, w.walk.PassAt = "", 0, 0, now
	w.used, w.first, w.odd = map[pushd.OpenID]bool{}, true, 0
	if w.walk.Walked > 0 { // else the total is all that is known
		w.most = 0
	}
}

// fetch asks for the page after the cursor until WeChat gives it. sound is
// false when the cursor does not lead on.
func (w *walker) fetch(ctx context.Context) (_ pushd.FollowerPage, sound bool, err error) {
	if w.used == nil { // a pass of an earlier claim goes on
		w.used, w.most = map[pushd.OpenID]bool{}, w.walk.Known()
	}
	for {
		page, by, a, err := w.list.Page(ctx, w.walk.Cursor)
		if err != nil {
			return page, false, w.run.unanswered(err)
		}
		if a.OK() {
			if w.token = by; by != "" {
				w.run.listing.ReadBy(by)
			}
			if w.odd += page.Odd; page.Odd > 0 { // nothing can be sent to them; WeChat's total counts them all the same
				w.run.log.Warn("the list holds what is no openid", "audience", w.run.job.Audience, "count", page.Odd, "after", w.walk.Walked)
			}
			w.tries, w.good = 0, w.run.e.clock.Now()
			if w.uncounted = page.Uncounted; !w.uncounted {
				w.walk.Total = &page.Total
				w.most = max(w.most, page.Total)
			}
			return page, true, nil
		}
		if a.Cause == pushd.CauseCursor { // and with that follower their place is gone
			return page, false, nil
		}
		if err := w.wait(ctx, a); err != nil {
			return page, false, err
		}
	}
}

// wait waits as long as a refusal asks for. Sends go on meanwhile; only a job
// with nothing left to send gives way.
func (w *walker) wait(ctx context.Context, a pushd.Answer) error {
	w.tries++
	now := w.run.e.clock.Now()
	var until pushd.Time
	var why pushd.Reason
	switch {
	case a.Verdict == pushd.Quota:
		// It is asked again now and then: owners can have the quota reset.
		until, why = min(w.run.e.quotaReset(now), now.Add(quotaLook)), pushd.QuotaExhausted
	case a.Verdict == pushd.Slower:
		until, why = now.Add(time.Minute), pushd.WeChatDown
	case a.Cause == pushd.CauseAudience: // it may be asked for in vain now and then, or of another account
		until, why = now.Add(audienceLook), pushd.AudienceUnavailable
	case a.Verdict == pushd.TokenRefused: // several in a row; another process takes them from us
		until, why = now.Add(w.run.e.jitter.Backoff(w.tries)), pushd.TokenUnavailable
	case a.Verdict == pushd.Busy, a.Verdict == pushd.FatalIfRepeated && w.tries < fatalAfter, w.tries < 3:
		until, why = now.Add(w.run.e.jitter.Backoff(w.tries)), pushd.WeChatDown
	default:
		return fatal(a)
	}
	for w.run.e.clock.Now() < until {
		left := w.run.e.clock.Until(until)
		if left > 5*time.Second && w.run.idle.Load() {
			return w.run.park(why, audience.Unlisted(w.run.job.Audience, a), until)
		}
		w.run.waiting(time.Now().Add(left))
		if !retry.Sleep(ctx, min(left, time.Second)) {
			return context.Cause(ctx)
		}
	}
	if now := w.run.e.clock.Now(); w.good != 0 && now.Sub(w.good) > staleWalk {
		w.good = now
		w.cutShort()
		w.begin(now)
	}
	return nil
}

// store keeps the recipients of a page who are new.
//
// A list that is walked again begins with recipients who are known. One that does
// not is another account's, whose token PHP has mixed up: it must neither be
// sent to, nor count as the end of this account's.
func (w *walker) store(ctx context.Context, page pushd.FollowerPage) error {
	if w.seen == nil {
		w.seen = dedup.New(w.run.e.cfg.Ledger, w.run.job.ID, w.run.retry, max(page.Total, w.walk.Walked))
		if err := w.seen.Load(ctx, w.walk.Pages); err != nil {
			return err
		}
	}
	fresh, err := w.seen.Fresh(ctx, page.OpenIDs, w.walk.Pages)
	if err != nil {
		return err
	}
	if w.first && w.walk.Walked > 0 && len(fresh) > 0 && w.seen.Known() == 0 {
		if err := w.strangers(ctx); err != nil {
			return err
		}
	}
	w.first = false
	next := w.walk
	next.Cursor = page.Next
	next.Seen += int64(len(page.OpenIDs))
	if len(fresh) == 0 {
		return w.save(ctx, next)
	}
	for len(fresh) > 0 { // an answer longer than a page becomes two
		n := min(len(fresh), pushd.PageSize)
		if next.Cursor = page.Next; n < len(fresh) {
			next.Cursor = w.walk.Cursor // the rest must be listed again if it ends here
		}
		next.Pages++
		next.Walked += int64(n)
		next.Fresh += int64(n)
		p := pushd.Page{No: next.Pages, OpenIDs: fresh[:n]}
		err := w.run.retry.Do(ctx, "store page", func(ctx context.Context) error {
			return w.run.e.cfg.Ledger.StorePage(ctx, w.run.job.Lease(), p, next)
		})
		if errors.Is(err, pushd.ErrExists) { // the answer was lost: go on from what is stored
			return w.reload(ctx, next.Pages)
		}
		if err != nil {
			return err
		}
		w.run.e.pass(PointPage)
		fresh = fresh[n:]
	}
	w.run.e.counters.Pages.Add(1)
	w.run.e.counters.People.Add(uint64(next.Walked - w.walk.Walked))
	w.moved(next)
	return nil
}

// strangers takes a list that begins with none of those known so far: a
// *mismatch, if it is another account's. Whoever puts tags on followers may have
// put one on others, so of a tag WeChat is asked.
func (w *walker) strangers(ctx context.Context) error {
	if w.token == "" || w.run.listing.Proven(w.token) {
		return nil
	}
	if _, tag := w.run.job.Audience.Tag(); tag {
		if own, by, sure, err := w.run.owns(ctx); err != nil || own && by == w.token || !sure {
			return err
		}
	}
	return &mismatch{token: w.token, cause: pushd.CauseOpenID, listed: true}
}

// reload goes on from where the ledger has the walk, which has at least so many
// pages.
func (w *walker) reload(ctx context.Context, pages int) error {
	var job pushd.Job
	err := w.run.retry.Patiently(ctx, "reload job", func(ctx context.Context) (err error) {
		if job, err = w.run.e.cfg.Ledger.Reload(ctx, w.run.job.ID); err == nil && job.Walk.Pages < pages {
			err = retry.ErrStale
		}
		return err
	})
	if err != nil {
		return err
	}
	w.moved(job.Walk)
	return nil
}

func (w *walker) save(ctx context.Context, next pushd.Walk) error {
	err := w.run.retry.Do(ctx, "save walk", func(ctx context.Context) error {
		return w.run.e.cfg.Ledger.SaveWalk(ctx, w.run.job.Lease(), next)
	})
	if err != nil {
		return err
	}
	w.moved(next)
	return nil
}

func (w *walker) moved(next pushd.Walk) {
	w.walk = next
	w.run.frontier.Set(next)
}
