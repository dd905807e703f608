package fanout

import (
	"context"
	"slices"
	"time"

	"pushd"
)

// proveEvery is how long WeChat is left alone when it could not say whose a token
// is.
const proveEvery = 15 * time.Second

// prove looks whether a token that has delivered nothing is the account's own.
// Until WeChat says, those whom it was refused for wait.
func (r *run) prove(ctx context.Context) error {
	own, by, sure, err := r.owns(ctx)
	switch {
	case err != nil:
		return err
	case !sure:
		return r.sleep(ctx, proveEvery)
	case own:
		r.listing.Proved(by)
		return nil
	}
	return r.mismatched(ctx, &mismatch{token: by, cause: pushd.CauseOpenID, listed: true, first: r.firstDone.Load()})
}

// fits says that the token of m is known to be that of the account whose recipients
// are listed.
func (r *run) fits(ctx context.Context, m *mismatch) (bool, error) {
	if m.listed || r.listing.Proven(m.token) {
		return !m.listed, nil
	}
	own, by, sure, err := r.owns(ctx)
	if own = own && sure && by == m.token; own {
		r.listing.Proved(by)
	}
	return own, err
}

// owns says whether a token is the account's own: then WeChat knows a recipient of
// the job by it. Those who have the message are certainly recipients of the account;
// where none has it, some are asked about: the platform's tables may hold who is none,
// even many. It is not sure where WeChat does not say.
func (r *run) owns(ctx context.Context) (own bool, by pushd.Token, sure bool, err error) {
	some, err := r.sample(ctx)
	if err != nil || len(some) == 0 {
		return false, "", false, err
	}
	sure = true
	for _, who := range some {
		own, now, a, err := r.wechat.Knows(ctx, who)
		switch {
		case err != nil:
			return false, "", false, r.unanswered(err)
		case a.OK() && own:
			return true, now, true, nil
		}
		if !sure && !a.OK() {
			break // WeChat is down rather than at a loss for one
		}
		sure = sure && a.OK() && (by == "" || by == now)
		by = now
	}
	return false, by, sure, nil
}

// sampled is how many recipients are asked about at most. Where few of the
// list are the account's, chance decides; a job that has parked for that tries again.
const sampled = 20

// sample is a recipient who has the message, or some from all over the list, its first
// and last among them.
func (r *run) sample(ctx context.Context) (some []pushd.OpenID, err error) {
	walk, _ := r.frontier.Get()
	rows, err := r.pages.Progress(ctx, 1, walk.Pages)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(rows, func(p pushd.Progress) bool { return p.Counts.Sent > 0 }); i >= 0 {
		people, err := pushd.DecodePersons(rows[i].Outcomes, rows[i].People)
		if err != nil {
			return nil, err
		}
		sent := slices.IndexFunc(people, func(p pushd.Person) bool { return p.State == pushd.PersonSent })
		return r.pick(ctx, rows[i], max(0, sent))
	}
	all := 0
	for _, row := range rows {
		all += row.People
	}
	for n, before := min(sampled, all), 0; len(rows) > 0 && len(some) < n; {
		next := len(some) * (all - 1) / max(1, n-1) // its place in the list
		if next >= before+rows[0].People {
			before, rows = before+rows[0].People, rows[1:]
			continue
		}
		one, err := r.pick(ctx, rows[0], next-before)
		if err != nil {
			return nil, err
		}
		some = append(some, one...)
	}
	return some, nil
}

// pick is one recipient of a page.
func (r *run) pick(ctx context.Context, row pushd.Progress, i int) ([]pushd.OpenID, error) {
	ids, err := r.pages.OpenIDs(ctx, row)
	if err != nil {
		return nil, err
	}
	return ids[i : i+1], nil
}
