package fanout

import (
	"context"
	"time"

	"pushd"
)

// recording is the writing of a round's outcomes: one record is under way at a
// time.
type recording struct {
	underway bool
	done     chan error
	began    time.Time     // the record that is under way
	last     time.Time     // when the ledger last had everything
	took     time.Duration // how long a record takes, smoothed
}

func newRecording(now time.Time) recording {
	return recording{done: make(chan error, 1), last: now}
}

// ended takes the end of a record.
func (r *recording) ended(now time.Time) {
	r.underway, r.last = false, now
	r.took += (now.Sub(r.began) - r.took) / 4
}

// record writes what has changed, in a goroutine of its own so that sending
// goes on: when admitted recipients wait for it, when it is time, or by force.
func (s *sender) record(ctx context.Context, now time.Time, force bool) {
	if s.recording.underway {
		return
	}
	if !force && len(s.admitted) == 0 && now.Sub(s.recording.last) < recordEvery {
		return
	}
	var rows []pushd.Progress
	for _, page := range s.pages {
		if row, changed := page.Take(); changed {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		s.recording.last = now
		return
	}
	s.recording.underway, s.recording.began = true, time.Now()
	refused := s.run.refusals.Take()
	s.run.wg.Go(func() { s.recording.done <- s.run.record(ctx, rows, refused) })
}

// onRecorded takes the answer to a record.
func (s *sender) onRecorded(err error) error {
	s.recording.ended(time.Now())
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

// record writes progress, and who has refused before that, until the ledger has it. There is no giving up while
// the lease may be ours: what is known in memory alone is known nowhere else.
func (r *run) record(ctx context.Context, rows []pushd.Progress, refused []pushd.OpenID) error {
	if len(refused) > 0 {
		if err := r.refusals.Store(ctx, r.template(), refused); err != nil {
			return err
		}
	}
	err := r.retry.Do(ctx, "record progress", func(ctx context.Context) error {
		began := time.Now()
		err := r.e.cfg.Ledger.Record(ctx, r.job.Lease(), rows)
		r.e.counters.Recorded(time.Since(began))
		return err
	})
	if err == nil {
		r.pages.Written.Recorded(rows)
		r.e.pass(PointRecorded)
		r.recordAt.Store(time.Now().UnixNano())
	}
	return err
}
