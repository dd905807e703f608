package doctor

import (
	"context"
	"time"

	"pushd"
)

// subscribers is what the check needs of the store: the very call by which a
// running pushd lists them.
type subscribers interface {
	Subscribers(ctx context.Context, id pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error)
}

// audienceFor is how long the audience query may take for a page of 10,000.
const audienceFor = 3 * time.Second

// checkAudience lists a channel's subscribers as a running pushd does, and counts
// them. Without a channel it finds out whether the query runs.
func (o Options) checkAudience(ctx context.Context, r *report, from subscribers) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	_, err := from.Subscribers(ctx, pushd.ActID(o.ActID), "", pushd.PageSize)
	took := time.Since(began)
	bad := pushd.BadAudience(err)
	switch {
	case bad != nil:
		r.fail("audience query", "%s", bad.Text)
		return
	case err != nil:
		r.fail("audience query", "%v", err)
		return
	case took > audienceFor:
		r.warn("audience query", "takes %v for a page: give it an index over the channel and the openid", took.Round(time.Millisecond))
	}
	if o.ActID == 0 {
		r.ok("audience query", "runs; give --actid to count a channel's subscribers")
		return
	}
	o.countSubscribers(ctx, r, from)
}

// countSubscribers reads the whole list.
func (o Options) countSubscribers(ctx context.Context, r *report, from subscribers) {
	var n, odd int
	for cursor := pushd.OpenID(""); ; {
		page, err := from.Subscribers(ctx, pushd.ActID(o.ActID), cursor, pushd.PageSize)
		if err != nil {
			r.fail("audience query", "%v", err)
			return
		}
		n, odd = n+len(page.OpenIDs), odd+page.Odd
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	r.ok("audience query", "finds %d subscribers of channel %d", n, o.ActID)
	if odd > 0 {
		r.warn("audience query", "%d rows of channel %d hold what is no openid; nothing can be sent to them", odd, o.ActID)
	}
}
