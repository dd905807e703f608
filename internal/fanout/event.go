package fanout

import (
	"context"
	"time"

	"pushd"
)

// happened writes down what comes with no other change of the ledger. Nobody
// waits for it: with too much to write an event is dropped.
func (r *run) happened(kind pushd.EventKind, detail string) {
	select {
	case r.e.events <- pushd.Event{Job: r.job.ID, AppID: r.job.AppID, Kind: kind, Detail: detail}:
	default:
	}
}

// writeEvents writes events down until ctx ends. One that can't be written is
// dropped.
func (e *Engine) writeEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-e.events:
			short, cancel := context.WithTimeout(ctx, 5*time.Second)
			if err := e.cfg.Ledger.Note(short, event); err != nil && ctx.Err() == nil {
				e.log.Warn("an event could not be written down", "kind", event.Kind, "job_id", event.Job, "err", err)
			}
			cancel()
		}
	}
}
