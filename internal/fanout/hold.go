package fanout

import (
	"context"
	"errors"
	"time"

	"pushd"
)

// saveLastSent writes down when the last send was started. Nothing depends on it, so
// it is tried once.
func (r *run) saveLastSent(ctx context.Context) {
	at := r.lastSent()
	if at == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := r.e.cfg.Ledger.SaveSent(ctx, r.job.Lease(), at); err != nil && ctx.Err() == nil {
		r.log.Warn("when the last send was started is not in the ledger", "err", err)
	}
}

// lastSent is when this run last started a send, by the database's clock; 0 =
// never.
func (r *run) lastSent() pushd.Time {
	at := r.sentAt.Load()
	if at == 0 {
		return 0
	}
	return r.e.clock.Now().Add(-time.Since(time.Unix(0, at)))
}

// signHold says whose a hold is that comes with the end of the job.
func (r *run) signHold(h *pushd.Hold) {
	if h != nil {
		h.AppID, h.By = r.job.AppID, pushd.Actor(r.e.cfg.Owner.Instance)
	}
}

// holdAlone sets the hold that was to come with an end where a command was faster
// and has kept the job from ending: the account is punished all the same.
func (r *run) holdAlone(ctx context.Context, h *pushd.Hold, ended error) {
	if h == nil || ended != nil && !errors.Is(ended, pushd.ErrLost) {
		return
	}
	if ended != nil {
		if err := r.retry.Do(ctx, "hold the account", func(ctx context.Context) error {
			_, _, err := r.e.cfg.Ledger.SetHold(ctx, *h)
			return err
		}); err != nil {
			return
		}
	}
	r.log.Error("the account is held until an operator lifts it", "appid", h.AppID, "errcode", h.Code, "reason", h.Reason)
	r.e.Wake()
}
