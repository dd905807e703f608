// Package audience lists who gets a job's message, page by page: the account's
// followers, those of them who carry a tag, or those who asked for the stream on
// the platform's pages. Each kind of list knows when it has been read to its end.
package audience

import (
	"context"
	"fmt"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// List is an audience as it can be read. It is not safe for concurrent use.
type List interface {
	// Page gives those behind cursor ("" is the start), and the token by which it
	// was read; "" where that takes none. An answer that is not OK is the caller's
	// to judge; the error is an *account.NoToken, or why ctx ended.
	Page(ctx context.Context, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Token, pushd.Answer, error)
	// Complete says whether everyone is listed, of a pass that has ended by
	// itself; it is asked once of each. most is the highest total that was given
	// meanwhile, 0 if none was.
	Complete(w pushd.Walk, most int64) bool
	// Grows says that a further pass is for those who were added meanwhile, so
	// that it is made when the others have been sent to.
	Grows() bool
}

// Tables is what lists need of the platform's tables; see pushd.Channels.
type Tables interface {
	Subscribers(ctx context.Context, id pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error)
}

// Of is the list of an audience of a channel. What the database does not answer
// is asked again by r.
func Of(a pushd.Audience, wechat account.Account, id pushd.ActID, tables Tables, r retry.Retrier) List {
	if a == pushd.AudienceSubscribers {
		return &subscribers{id: id, tables: tables, retry: r}
	}
	if tag, ok := a.Tag(); ok {
		return &tagged{account: wechat, id: tag}
	}
	return followers{wechat}
}

const (
	// A pass that ends by itself is believed when it is short of the total by no
	// more than this many recipients or this share of them: some leave while one
	// pages.
	shortPeople  = 50
	shortPercent = 0.5
	// A further pass that finds none who are new is believed when it is short by
	// no more than this: a total can be wrong, but a list that breaks off at the
	// same place twice must not count as complete.
	shortPercentAgain = 5.0
)

// withinMargin says whether n recipients are as good as all of them.
func withinMargin(n, all int64, percent float64) bool {
	return all-n <= shortPeople || float64(all-n) <= float64(all)*percent/100
}

// Unlisted says why an audience is not listed, and what to do where waiting may
// not help.
func Unlisted(who pushd.Audience, a pushd.Answer) string {
	text := fmt.Sprintf("the audience %s can't be listed: %s", who.Or(""), a.Describe())
	if id, ok := who.Tag(); ok && a.Cause == pushd.CauseAudience {
		text += fmt.Sprintf("; is there still a tag %d? pushd asks again every minute; for another audience cancel the job and POST with restart", id)
	}
	return text
}
