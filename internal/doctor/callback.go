package doctor

import (
	"context"
	"time"

	"pushd"
)

// contacts is what the check needs of the store: the very call by which a running
// pushd asks.
type contacts interface {
	CallbackVersion(ctx context.Context, app pushd.AppID) (int, error)
}

// checkCallback asks which token of an account's callback is the current one, as
// pushd serve does before a receipt counts.
func (o Options) checkCallback(ctx context.Context, r *report, from contacts) {
	if o.CallbackQuery == "" {
		r.warn("callback", "PUSHD_CALLBACK_SECRET is set and PUSHD_CALLBACK_QUERY is not: a token that was renewed because it had leaked still signs receipts")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := from.CallbackVersion(ctx, pushd.AppID(o.AppID)); err != nil {
		r.fail("callback", "%v; it gives one number; until it does, receipts that nginx mirrors wait: grant SELECT on what it reads", err)
		return
	}
	r.ok("callback", "pushd sees which token of a callback is the current one")
}
