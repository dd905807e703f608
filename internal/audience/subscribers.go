package audience

import (
	"context"

	"pushd"
	"pushd/internal/retry"
)

// subscribers are those who asked for a channel's stream, as the platform keeps
// them.
type subscribers struct {
	id     pushd.ActID
	tables Tables
	retry  retry.Retrier
}

// Page reads until the database answers. What it refuses, and what can't be used,
// is an answer.
func (s *subscribers) Page(ctx context.Context, cursor pushd.OpenID) (page pushd.FollowerPage, _ pushd.Token, _ pushd.Answer, err error) {
	err = s.retry.Do(ctx, "read subscribers", func(ctx context.Context) (err error) {
		page, err = s.tables.Subscribers(ctx, s.id, cursor, pushd.PageSize)
		return err
	})
	if bad := pushd.BadAudience(err); bad != nil {
		return pushd.FollowerPage{}, "", pushd.Answer{Verdict: pushd.Other, Cause: pushd.CauseAudience, Text: bad.Text}, nil
	}
	page.Uncounted = true
	return page, "", pushd.Answer{}, err
}

// Complete is so after two passes. Each reads the whole table; the first is over
// before the sends are, and the second finds those who asked meanwhile.
func (*subscribers) Complete(w pushd.Walk, _ int64) bool { return w.Pass > 1 }

func (*subscribers) Grows() bool { return true }
