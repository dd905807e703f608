package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/fanout/breaker"
	"pushd/internal/fanout/pagebuffer"
	"pushd/internal/fanout/readback"
	"pushd/internal/retry"
)

// maxDoubts is how often the breaker may trip in one claim before the job parks:
// once because of a list that another token gave, once because of the token.
const maxDoubts = 2

// mismatch says that the breaker has tripped with this token.
type mismatch struct {
	token    pushd.Token
	worked   bool // it has delivered something
	listed   bool // it lists no recipient who is known
	first    bool // a person has to let others follow
	personal bool // by codes that are about recipients where the account fits
	code     int
	cause    pushd.Cause
	text     string
}

func (m *mismatch) Error() string { return string(pushd.AccountMismatch) }

// String words it for people.
func (m *mismatch) String() string {
	if m.listed {
		return "the token knows none of the recipients so far: it is another account's. Check the account's secret at the token endpoint, then resume."
	}
	return fmt.Sprintf("everyone is refused with %s: token, followers and template do not belong to the same account; those recipients stay unsent. Check the account's secret at the token endpoint and its template, then resume.", m.describe())
}

func (m *mismatch) describe() string { return pushd.Answer{Code: m.code, Text: m.text}.Describe() }

// mismatched decides what becomes of a job whose breaker has tripped. A token
// that has delivered something is right, so a person has to look. Otherwise the
// list is read again if this token did not give it, and the token is refused if
// it did; only then does the job park. Codes that are about recipients where the
// token is the account's own are no reason to stop.
func (r *run) mismatched(ctx context.Context, m *mismatch) error {
	r.breaker = breaker.Breaker[pagebuffer.Place]{}
	if m.personal {
		if fits, err := r.fits(ctx, m); err != nil || fits {
			return cmp.Or(err, errAgain)
		}
	}
	if r.doubted++; m.worked || r.doubted > maxDoubts {
		return r.parkMismatch(ctx, m, "")
	}
	free, err := r.mayStartOver(ctx)
	if err != nil {
		return err
	}
	// Where recipients have the message, or may have it, the list is more likely
	// right than the token; another token costs nothing of what is known. Of a list
	// that no token gave, only the token can be wrong.
	keep := r.delivered.Load() || r.earlier.Doubts() > 0 && r.doubted == 1 || !r.job.Audience.Listed()
	fits, err := r.fits(ctx, m)
	if err != nil {
		return err
	}
	if fits && r.delivered.Load() && !m.listed {
		return errAgain // it is for those recipients to blame: see innocent
	}
	if keep || fits || r.listing.AllBy(m.token) {
		tok, err := r.anotherToken(ctx, m)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || tok == m.token {
			return r.parkMismatch(ctx, m, "")
		}
	}
	switch {
	case keep && m.listed:
		return errMoved // the walk has stopped, so everything starts again
	case keep, fits:
		return errAgain
	case !free:
		return r.parkMismatch(ctx, m, " Some recipients may have got the message, so the list is not read again by itself: cancel the job and POST with restart.")
	}
	return errStartOver
}

// anotherToken asks for a token in place of one that does not fit. Codes about
// openids say that the token is wrong; the others may as well be about the
// template, and the token right: it is asked for again and not refused.
func (r *run) anotherToken(ctx context.Context, m *mismatch) (pushd.Token, error) {
	if m.cause == pushd.CauseOpenID {
		return r.e.cfg.Tokens.Refused(ctx, r.job.AppID, r.job.ActID, m.token)
	}
	return r.e.cfg.Tokens.Doubted(ctx, r.job.AppID, r.job.ActID, m.token)
}

// parkMismatch parks the job until its next claim tries again. Where a person waits
// to see what comes of the first recipients, this is it.
func (r *run) parkMismatch(ctx context.Context, m *mismatch, more string) error {
	if m.first {
		return r.pauseAfterFirst(ctx, fmt.Sprintf("WeChat refuses recipients with %s: token, recipients and template may not belong to the same account. Check the account's secret at the token endpoint and its template.%s", m.describe(), more))
	}
	return r.park(pushd.AccountMismatch, m.String()+more, r.e.clock.Now().Add(r.account.Mismatched()))
}

// mayStartOver says whether the list may be dropped: if none of its
// recipients has the message, or may have it for so long that WeChat would not
// recognise a repetition.
func (r *run) mayStartOver(ctx context.Context) (bool, error) {
	job, err := r.reload(ctx)
	if err != nil {
		return false, err
	}
	if job.Counts.Sent+job.Counts.Unknown > 0 {
		return false, nil
	}
	walk, _ := r.frontier.Get() // the job may have been read from a node that lags behind
	for from := 1; from <= walk.Pages; from += readback.Pages {
		rows, err := r.pages.Progress(ctx, from, min(walk.Pages, from+readback.Pages-1))
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			if row.DoubtAt != 0 && r.e.clock.Now().Sub(row.DoubtAt) > r.e.cfg.DedupWindow/2 {
				return false, nil
			}
			if err := r.earlier.Drop(row, func() ([]pushd.OpenID, error) { return r.pages.OpenIDs(ctx, row) }); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// startOver drops the list and whatever came of it. Its pages have the numbers
// of those that come now, so nothing is read before every node of the database
// can be taken to know that they are gone.
func (r *run) startOver(ctx context.Context) error {
	r.log.Warn("the list of followers does not fit the account's token; reading it again")
	job, err := r.reload(ctx)
	if err != nil {
		return err
	}
	err = r.retry.Do(ctx, "start over", func(ctx context.Context) error {
		return r.e.cfg.Ledger.StartOver(ctx, r.job.Lease(), job.Walk.PassAt)
	})
	r.listing.Forget()
	r.pages.Written.Forget()
	r.wary.Store(true)
	r.answered.Store(false)
	if err != nil {
		return err
	}
	return r.sleep(ctx, retry.StaleFor)
}

// awaitDelivery keeps the walk of a job that has been in doubt from reading a long list
// in vain: it goes on when something was delivered, or no one is left to send to.
func (r *run) awaitDelivery(ctx context.Context) error {
	for first := true; r.wary.Load() && !r.delivered.Load() && (first || !r.idle.Load()); first = false {
		if !retry.Sleep(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// errStartOver says that the list has to be read again from nothing.
var errStartOver = errors.New("the list belongs to another account")
