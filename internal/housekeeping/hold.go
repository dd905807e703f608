package housekeeping

import (
	"context"
	"fmt"
	"slices"

	"pushd"
)

// countHeld counts the jobs that are held one by one because the ledger went
// back, for the health.
func (k *Keeper) countHeld(ctx context.Context) error {
	n, err := k.cfg.Ledger.CountHeld(ctx)
	if err == nil {
		k.memory.held.Store(int64(n))
	}
	return err
}

// ReadHolds learns what is held until a person lifts it, for the health. Nothing
// else rests on it: a hold works in the ledger.
func (k *Keeper) ReadHolds(ctx context.Context) error {
	holds, err := k.cfg.Ledger.Holds(ctx)
	if err != nil {
		return err
	}
	var before []pushd.Hold
	if old := k.holds.Swap(&holds); old != nil {
		before = *old
	}
	for _, h := range holds {
		if !slices.Contains(before, h) {
			k.cfg.Log.Warn("on hold", "appid", h.AppID, "by", h.By, "reason", h.Reason, "errcode", h.Code, "since", h.Since.Std())
		}
	}
	for _, h := range before {
		if !slices.Contains(holds, h) {
			k.cfg.Log.Info("hold lifted", "appid", h.AppID)
		}
	}
	return nil
}

// shownHolds is how many holds the health names; the others it counts.
const shownHolds = 5

// HoldHealth says what is held, since when, by whom and why; "" = nothing.
func (k *Keeper) HoldHealth() string {
	text := ""
	holds := k.holds.Load()
	if holds == nil {
		return ""
	}
	for i, h := range *holds {
		if i == shownHolds {
			return fmt.Sprintf("%s; and %d more", text, len(*holds)-i)
		}
		if i > 0 {
			text += "; "
		}
		text += h.String()
	}
	return text
}
