package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/platform"
)

// Job reads one job. See control.Book.
func (s *Store) Job(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return s.get(ctx, `id = ?`, id)
}

// Active returns the channel's active job. See control.Book.
func (s *Store) Active(ctx context.Context, id pushd.ActID) (pushd.Job, error) {
	return s.get(ctx, `active_actid = ?`, id)
}

// Last returns the channel's newest job. See control.Book.
func (s *Store) Last(ctx context.Context, id pushd.ActID) (pushd.Job, error) {
	return s.get(ctx, `actid = ? ORDER BY created_at DESC, id DESC LIMIT 1`, id)
}

// Newest returns the newest job of a reminder. See control.Book.
func (s *Store) Newest(ctx context.Context, id pushd.ActID, startTime int64) (pushd.Job, error) {
	return s.get(ctx, `actid = ? AND start_time = ? ORDER BY run DESC LIMIT 1`, id, startTime)
}

func (s *Store) get(ctx context.Context, where string, args ...any) (job pushd.Job, err error) {
	err = s.retry(ctx, func() error {
		job, err = s.readJob(ctx, s.db, where, args...)
		return err
	})
	return job, wrap(err, "read job")
}

// Create inserts a job. See control.Book.
//
// The look at the reminder's runs before it decides nothing; the unique keys
// do, so of a thousand at once one wins.
func (s *Store) Create(ctx context.Context, j pushd.Job) (job pushd.Job, err error) {
	return s.create(ctx, j, nil)
}

// create inserts a job, if no other of its account was accepted since seen.
func (s *Store) create(ctx context.Context, j pushd.Job, seen *pushd.Activity) (job pushd.Job, err error) {
	if j.ID == "" {
		j.ID = pushd.NewJobID()
	}
	asked, err := json.Marshal(j.Asked)
	if err != nil {
		return pushd.Job{}, wrap(err, "create job")
	}
	its, err := s.identify(ctx, j)
	if err != nil {
		return pushd.Job{}, wrap(err, "create job of channel %d", j.ActID)
	}
	j.State = cmp.Or(j.State, pushd.Queued)
	var accepted pushd.Event
	c := platform.Column{ActID: j.ActID, Status: j.LiveNotifyStatus(s.opt.StatusFailed)}
	err = s.platform.WithColumn(ctx, c, func(tx *sqlx.Tx) error {
		if err := s.accepting(ctx, tx, j.AppID, seen); err != nil {
			return err
		}
		_, err := s.exec(ctx, tx, `
INSERT INTO pushd_job
  (id, actid, appid, audience, start_time, run, msg_id, state, reason, detail, asked, rate, first_n, forced, deadline, deadline_asked, created_at, waiting_since, active_actid)
VALUES
  (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CASE WHEN {now} > ? THEN {now} ELSE ? END, {now}, ?)`,
			j.ID, j.ActID, j.AppID, j.Audience.Or(""), j.StartTime, its.run, its.msgID, j.State, j.Reason, pushd.ClipDetail(j.Detail), string(asked),
			j.Rate, j.First, j.Forced, j.Deadline, j.DeadlineAsked, its.after, its.after+1, j.ActID)
		if err != nil {
			return s.casResult(0, err, pushd.ErrExists)
		}
		if job, err = s.readJob(ctx, tx, `id = ?`, j.ID); err != nil {
			return err
		}
		accepted = pushd.AcceptedEvent(job)
		return s.events.Write(ctx, tx, accepted)
	})
	s.events.Say(ctx, err, accepted)
	return job, wrap(err, "create job of channel %d", j.ActID)
}

// Command moves a job from one state to another. See control.Book. With To
// empty the state and its reason stay as they are; a job that is not there is
// ErrNotFound. live_notify_status is not touched: nothing that happens to the
// platform's row shall keep a command from working. A deadline that is new counts as asked for: it does not move
// with the channel's start any more.
func (s *Store) Command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (job pushd.Job, err error) {
	var message []byte
	if cmd.Message != nil {
		if message, err = json.Marshal(cmd.Message); err != nil {
			return pushd.Job{}, wrap(err, "command job %s", id)
		}
	}
	query, args, err := commandSQL(id, cmd, message)
	if err != nil {
		return pushd.Job{}, wrap(err, "command job %s", id)
	}
	done := cmd.Event(id)
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, query, args...)
		if err := s.casResult(n, err, pushd.ErrExists); errors.Is(err, pushd.ErrLost) {
			_, _, missing := s.showJob(ctx, tx, `id = ?`, id)
			return cmp.Or(missing, err)
		} else if err != nil {
			return err
		}
		if message != nil {
			if _, _, err := s.number(ctx, tx, id, message); err != nil {
				return err
			}
		}
		if cmd.To.Ended() {
			if _, err := s.storeTotals(ctx, tx, id); err != nil {
				return err
			}
		}
		if job, _, err = s.showJob(ctx, tx, `id = ?`, id); err != nil { // also an odd row can be canceled
			return err
		}
		if cmd.After != nil {
			if err := s.accepting(ctx, tx, job.AppID, cmd.After); err != nil {
				return err
			}
		}
		if done == nil {
			return nil
		}
		done.Complete(job)
		return s.events.Write(ctx, tx, *done)
	})
	if done != nil {
		s.events.Say(ctx, err, *done)
	}
	return job, wrap(err, "command job %s", id)
}

// commandSQL is the one UPDATE of a command. A job whose pages are gone cannot
// become active again.
//
// A job that is queued gets a new epoch, so that nothing its last worker still
// has under way can land, unless that worker has not let go of it yet: then the
// lease keeps it from being claimed, and what was in flight is still recorded.
// The account stays taken as long as the lease is.
func commandSQL(id pushd.JobID, cmd pushd.Command, message []byte) (string, []any, error) {
	set, args := `rate = COALESCE(?, rate)`, []any{cmd.Rate}
	if cmd.Deadline != 0 {
		// MySQL assigns from left to right: compare first, then set.
		set += `, deadline_asked = CASE WHEN deadline = ? THEN deadline_asked ELSE 1 END, deadline = ?`
		args = append(args, cmd.Deadline, cmd.Deadline)
	}
	if cmd.Force {
		// MySQL assigns from left to right: the state and its reason come later.
		set += `, forced = 1, parked_until = CASE WHEN state = 'parked' AND reason = 'quiet_hours' THEN 0 ELSE parked_until END`
	}
	if cmd.Recompose {
		set += `, message = NULL, prepared_start = 0`
	}
	if cmd.Asked != nil {
		asked, err := json.Marshal(cmd.Asked)
		if err != nil {
			return "", nil, err
		}
		set += `, asked = ?`
		args = append(args, string(asked))
	}
	if message != nil {
		set += `, message = ?`
		args = append(args, string(message))
	}
	if cmd.Resume {
		set += resumeSQL
	}
	if cmd.Retry != nil {
		set += `, retry = ?`
		args = append(args, *cmd.Retry)
	}
	if cmd.Unpark || cmd.To != "" && cmd.To != pushd.Parked {
		set += `, parked_until = 0`
	}
	if cmd.To != "" {
		to, values := transitionSQL(cmd)
		set, args = set+to, append(args, values...)
	}
	args = append(args, id, cmd.From)
	more := ``
	if cmd.To != "" && cmd.To.Active() {
		more = ` AND purged_at = 0`
	}
	if cmd.InTime {
		more += ` AND deadline > {now}`
	}
	if cmd.AskedBefore != nil {
		before, err := json.Marshal(cmd.AskedBefore)
		if err != nil {
			return "", nil, err
		}
		more += ` AND asked = ?`
		args = append(args, string(before))
	}
	return sqlx.In(`UPDATE pushd_job SET `+set+` WHERE id = ? AND state IN (?)`+more, args...)
}

// resumeSQL is what a resume sets, of a parked job as of a paused one. MySQL assigns
// from left to right, so the state comes last.
const resumeSQL = `, message = CASE WHEN state = 'parked' THEN NULL ELSE message END,
  prepared_start = CASE WHEN state = 'parked' THEN 0 ELSE prepared_start END,
  parked_until = 0,
  first_passed = CASE WHEN state = 'paused' AND reason = 'first_reached' THEN 1 ELSE first_passed END,
  reason = CASE WHEN state = 'paused' THEN '' ELSE reason END,
  detail = CASE WHEN state = 'paused' THEN '' ELSE detail END,
  epoch = CASE WHEN state = 'paused' AND lease_until = 0 THEN epoch + 1 ELSE epoch END,
  state = CASE WHEN state = 'paused' THEN 'queued' ELSE state END`

// transitionSQL is what a command sets that brings a job into another state.
func transitionSQL(cmd pushd.Command) (set string, args []any) {
	set = `, reason = ?, detail = ?`
	if cmd.To == pushd.Paused { // a job that is held, and paused as well, is still held
		set = `, reason = CASE WHEN state = 'paused' THEN reason ELSE ? END, detail = CASE WHEN state = 'paused' THEN detail ELSE ? END`
	}
	set += `, state = ?` // MySQL assigns from left to right
	args = []any{cmd.Reason, pushd.ClipDetail(cmd.Detail), cmd.To}
	if cmd.To != pushd.Running {
		set += `, active_appid = CASE WHEN lease_until = 0 THEN NULL ELSE active_appid END`
	}
	if cmd.To == pushd.Queued {
		set += `, epoch = CASE WHEN lease_until = 0 THEN epoch + 1 ELSE epoch END`
	}
	if cmd.To.Ended() {
		return set + `, retry = '', active_actid = NULL, finished_at = CASE WHEN finished_at = 0 THEN {now} ELSE finished_at END`, args
	}
	return set + `, active_actid = actid,
  waiting_since = CASE WHEN waiting_since = 0 OR finished_at > 0 THEN {now} ELSE waiting_since END,
  finished_at = 0`, args
}
