package fanout

import (
	"time"

	"pushd"
	"pushd/internal/health"
)

// Health says how the engine does. schema and tokens come from those who know:
// what is wrong with the tables, and with PHP's token endpoint ("" = nothing).
func (e *Engine) Health(schema, tokens string) pushd.Health {
	now := time.Now()
	f := health.Facts{
		Draining: e.draining.Load(), Schema: schema, Tokens: tokens, Parked: int(e.house.Parked()),
		Holds:   e.house.HoldHealth(),
		Staging: e.cfg.Only != nil, OnList: len(e.cfg.Only),
	}
	f.Ledger, f.LedgerText = e.house.Health()
	if level, text, seen := e.house.HostHealth(); seen {
		f.Host, f.HostText = level, text
	}
	f.Unanswering = e.accounts.Down(now)
	f.Silent = now.Sub(e.database.LastWrite())
	e.mu.Lock()
	defer e.mu.Unlock()
	f.Running = len(e.runs)
	for id, r := range e.runs {
		if health.Stuck(r.lastSign(), now) {
			f.Stuck = append(f.Stuck, id)
		}
	}
	return health.Of(f)
}

// lastSign is when the run last recorded an outcome, or until when it waits on
// purpose.
func (r *run) lastSign() time.Time {
	return time.Unix(0, max(r.recordAt.Load(), r.busyUntil.Load()))
}
