package audience

import (
	"context"
	"errors"

	"pushd"
	"pushd/internal/account"
)

// tagged are the followers who carry a tag. WeChat gives no total with their
// pages; the tag's own count has its place, where it can be had.
type tagged struct {
	account account.Account
	id      int64
	asked   bool  // for the count, in this pass
	count   int64 // -1 = not known
	last    int64 // listed by the pass before
	same    int   // passes in a row that have listed as many as the one before, and none who are new
}

// agreeing is how many passes that agree with the one before are believed, though
// they leave out many who were listed earlier: the tag was taken from those.
const agreeing = 3

// Page looks once more, with another token if PHP has one, where the account has
// no such tag: the token may be another account's.
func (t *tagged) Page(ctx context.Context, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Token, pushd.Answer, error) {
	page, by, a, err := t.account.Tagged(ctx, t.id, cursor)
	if err == nil && a.Cause == pushd.CauseAudience && t.account.Doubt(ctx, by) {
		page, by, a, err = t.account.Tagged(ctx, t.id, cursor)
	}
	if err != nil || !a.OK() {
		return page, by, a, err
	}
	if cursor == "" || !t.asked {
		if t.count, err = t.counted(ctx); err != nil {
			return page, by, a, err
		}
		t.asked = true
	}
	page.Total, page.Uncounted = max(t.count, 0), t.count < 0
	return page, by, a, nil
}

// counted is how many carry the tag by WeChat's list of tags; -1 where that does
// not say: it has been seen to differ from one call to the next.
func (t *tagged) counted(ctx context.Context) (int64, error) {
	tags, err := t.account.Tags(ctx)
	var refused *account.Refused
	if err != nil && !errors.As(err, &refused) {
		return -1, err
	}
	for _, tag := range tags {
		if tag.ID == t.id {
			return tag.Count, nil
		}
	}
	return -1, nil
}

// Complete believes a pass that has as many as the tag's own count, and a further
// one that saw all who are known and found none who are new; a third, if the count
// says that many are missing. Where the tag is put on others all the while, a third
// that found but a few must do; where it was taken from many, several that agree.
// That no one carries the tag is believed only of a count that says so, too.
func (t *tagged) Complete(w pushd.Walk, most int64) bool {
	known := w.Walked
	if t.same++; w.Fresh > 0 || w.Seen != t.last {
		t.same = 0
	}
	t.last = w.Seen
	switch agrees := most > 0 && min(known, w.Seen) >= most; {
	case w.Pass == 1:
		return agrees
	case known == 0:
		return t.asked && t.count == 0 && most == 0
	case agrees:
		return true
	case w.Seen == 0:
		return false
	case !withinMargin(w.Seen, known, shortPercentAgain):
		return t.same >= agreeing
	}
	if w.Pass == 2 {
		return w.Fresh == 0 && withinMargin(known, most, shortPercentAgain)
	}
	return withinMargin(known-w.Fresh, known, shortPercent)
}

func (*tagged) Grows() bool { return false }
