package audience

import (
	"context"

	"pushd"
	"pushd/internal/account"
)

// followers is everyone who follows the account.
type followers struct{ account account.Account }

func (f followers) Page(ctx context.Context, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Token, pushd.Answer, error) {
	return f.account.Page(ctx, cursor)
}

// Complete goes by WeChat's total. That there is no follower at all is asked
// twice; and a further pass that broke off long before it came to all who are
// known says nothing about the rest.
func (followers) Complete(w pushd.Walk, most int64) bool {
	known := w.Walked
	switch {
	case w.Pass == 1:
		return known > 0 && withinMargin(known, most, shortPercent)
	case w.Seen == 0 && known > 0:
		return false
	case w.Fresh == 0:
		return withinMargin(w.Seen, known, shortPercentAgain) && withinMargin(known, most, shortPercentAgain)
	}
	return withinMargin(w.Seen, known, shortPercentAgain) && withinMargin(known, most, shortPercent)
}

func (followers) Grows() bool { return false }
