package fanout

import (
	"context"
	"time"

	"pushd"
)

// record writes what has changed, in a goroutine of its own so that sending
// goes on: when admitted recipients wait for it, when it is time, or by force.
// One record is under way at a time.
func (s *sender) record(ctx context.Context, now time.Time, force bool) {
	if s.recording {
		return
	}
	if !force && len(s.admitted) == 0 && now.Sub(s.lastWrite) < recordEvery {
		return
	}
	var rows []pushd.Progress
	for _, page := range s.pages {
		if row, changed := page.Take(); changed {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		s.lastWrite = now
		return
	}
	s.recording, s.wroteAt = true, time.Now()
	s.run.wg.Go(func() { s.recorded <- s.run.record(ctx, rows) })
}

// onRecorded takes the answer to a record.
func (s *sender) onRecorded(err error) error {
	s.recording = false
	now := time.Now()
	s.wrote += (now.Sub(s.wroteAt) - s.wrote) / 4
	s.lastWrite = now
	if err != nil {
		return err
	}
	s.ready = append(s.ready, s.admitted...)
	s.admitted = s.admitted[:0]
	for no, page := range s.pages {
		if page.Idle() {
			delete(s.pages, no)
		}
	}
	return nil
}

// record writes progress until the ledger has it. There is no giving up while
// the lease may be ours: what is known in memory alone is known nowhere else.
func (r *run) record(ctx context.Context, rows []pushd.Progress) error {
	err := r.retry.Do(ctx, "record progress", func(ctx context.Context) error {
		began := time.Now()
		err := r.e.cfg.Ledger.Record(ctx, r.job.Lease(), rows)
		r.e.counters.Recorded(time.Since(began))
		return err
	})
	if err == nil {
		r.written.Recorded(rows)
		r.e.pass(PointRecorded)
		r.recordAt.Store(time.Now().UnixNano())
	}
	return err
}
