package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// jobColumns is how a row of pushd_job, called j, is read, always in one
// piece. That a queued job waits for its account is written nowhere: it is so
// as long as the account's running job runs. Nor is it written that a job is on
// hold.
const jobColumns = `
  id, actid, appid, audience, start_time, run, state,
  CASE WHEN ` + waitsOnHold + `
  THEN (SELECT h.detail FROM pushd_hold h WHERE h.scope IN ('', appid) ORDER BY h.scope LIMIT 1)
  ELSE detail END AS detail,
  CASE WHEN ` + waitsOnHold + ` THEN 'held'
  WHEN state = 'queued' AND reason = '' AND EXISTS (
    SELECT 1 FROM pushd_job r WHERE r.active_appid = j.appid AND r.id <> j.id)
  THEN 'account_busy' ELSE reason END AS reason,
  asked, message, prepared_start, prepared_deadline,
  rate, deadline, deadline_asked, notified,
  created_at, started_at, finished_at, parked_until, purged_at,
  owner, boot, epoch, lease_until, lease_term, send_rate, last_sent_at,
  COALESCE(msg_id, id) AS msg_id, message_version, retry, first_n, first_passed, forced,
  walk_pass, walk_cursor, walk_pages, walk_walked, walk_total,
  walk_seen, walk_fresh, walk_pass_at, walk_complete,
  sent, skipped, failed, unsure, retries, in_doubt, errors,
  quota_remain, shortfall,
  {now} AS db_now`

// jobRow is one row of pushd_job.
type jobRow struct {
	ID               pushd.JobID    `db:"id"`
	ActID            pushd.ActID    `db:"actid"`
	AppID            pushd.AppID    `db:"appid"`
	Audience         pushd.Audience `db:"audience"`
	StartTime        int64          `db:"start_time"`
	Run              int            `db:"run"`
	State            pushd.State    `db:"state"`
	Reason           pushd.Reason   `db:"reason"`
	Detail           string         `db:"detail"`
	Asked            []byte         `db:"asked"`
	Message          []byte         `db:"message"`
	PreparedStart    int64          `db:"prepared_start"`
	PreparedDeadline pushd.Time     `db:"prepared_deadline"`
	Rate             int            `db:"rate"`
	Deadline         pushd.Time     `db:"deadline"`
	DeadlineAsked    bool           `db:"deadline_asked"`
	Notified         bool           `db:"notified"`
	CreatedAt        pushd.Time     `db:"created_at"`
	StartedAt        pushd.Time     `db:"started_at"`
	FinishedAt       pushd.Time     `db:"finished_at"`
	ParkedUntil      pushd.Time     `db:"parked_until"`
	PurgedAt         pushd.Time     `db:"purged_at"`
	Owner            string         `db:"owner"`
	Boot             string         `db:"boot"`
	Epoch            int64          `db:"epoch"`
	LeaseUntil       pushd.Time     `db:"lease_until"`
	LeaseTerm        int64          `db:"lease_term"`
	MsgID            pushd.MsgID    `db:"msg_id"`
	MessageVersion   int            `db:"message_version"`
	Retry            pushd.Again    `db:"retry"`
	First            int            `db:"first_n"`
	FirstPassed      bool           `db:"first_passed"`
	Forced           bool           `db:"forced"`
	SendRate         float64        `db:"send_rate"`
	LastSent         pushd.Time     `db:"last_sent_at"`
	WalkPass         int            `db:"walk_pass"`
	WalkCursor       pushd.OpenID   `db:"walk_cursor"`
	WalkPages        int            `db:"walk_pages"`
	WalkWalked       int64          `db:"walk_walked"`
	WalkTotal        *int64         `db:"walk_total"`
	WalkSeen         int64          `db:"walk_seen"`
	WalkFresh        int64          `db:"walk_fresh"`
	WalkPassAt       pushd.Time     `db:"walk_pass_at"`
	WalkComplete     bool           `db:"walk_complete"`
	QuotaRemain      *int64         `db:"quota_remain"`
	Shortfall        *int64         `db:"shortfall"`
	Now              pushd.Time     `db:"db_now"`
	countsRow
}

// job turns the row into a job. Its counts are those stored with the row.
func (r *jobRow) job() (pushd.Job, error) {
	j := pushd.Job{
		ID: r.ID, ActID: r.ActID, AppID: r.AppID, Audience: r.Audience, StartTime: r.StartTime, Run: r.Run,
		State: r.State, Reason: r.Reason, Detail: r.Detail,
		Prepared: pushd.Prepared{StartTime: r.PreparedStart, Deadline: r.PreparedDeadline},
		Rate:     r.Rate, Deadline: r.Deadline, DeadlineAsked: r.DeadlineAsked, Notified: r.Notified,
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		ParkedUntil: r.ParkedUntil, PurgedAt: r.PurgedAt,
		Owner: pushd.Owner{Instance: r.Owner, Boot: r.Boot},
		Epoch: r.Epoch, Leased: r.LeaseUntil, LeaseTerm: time.Duration(r.LeaseTerm) * time.Microsecond, SendRate: r.SendRate, LastSent: r.LastSent,
		MsgID: r.MsgID, MessageVersion: r.MessageVersion, Retry: r.Retry, First: r.First, FirstPassed: r.FirstPassed, Forced: r.Forced,
		Walk: pushd.Walk{
			Pass: r.WalkPass, Cursor: r.WalkCursor, Pages: r.WalkPages, Walked: r.WalkWalked,
			Total: r.WalkTotal, Seen: r.WalkSeen, Fresh: r.WalkFresh, PassAt: r.WalkPassAt,
			Complete: r.WalkComplete,
		},
		QuotaRemain: r.QuotaRemain, Shortfall: r.Shortfall,
		Now: r.Now,
	}
	j.Counts = r.counts()
	if err := json.Unmarshal(r.Asked, &j.Asked); err != nil {
		j.Asked = pushd.Asked{}
		return j, fmt.Errorf("job %s: asked: %w", r.ID, err)
	}
	if len(r.Message) > 0 {
		if err := json.Unmarshal(r.Message, &j.Prepared.Message); err != nil {
			j.Prepared.Message = nil
			return j, fmt.Errorf("job %s: message: %w", r.ID, err)
		}
	}
	return j, nil
}

// totalsFinal says that the sums on the row are the last word: nothing writes
// progress any more, or it is gone.
func (r *jobRow) totalsFinal() bool {
	return r.PurgedAt != 0 || r.State.Ended() && r.Owner == ""
}

// readJob reads one job with its sums as they are; ErrNotFound.
func (s *Store) readJob(ctx context.Context, on sqlx.QueryerContext, where string, args ...any) (pushd.Job, error) {
	job, odd, err := s.showJob(ctx, on, where, args...)
	if err == nil {
		err = odd
	}
	if err != nil {
		return pushd.Job{}, err
	}
	return job, nil
}

// showJob is readJob for who shows the job and does not work on it: odd says
// what can't be decoded, and the job has the rest.
func (s *Store) showJob(ctx context.Context, on sqlx.QueryerContext, where string, args ...any) (job pushd.Job, odd, err error) {
	var r jobRow
	err = sqlx.GetContext(ctx, on, &r, s.withClock(`SELECT `+jobColumns+` FROM pushd_job j WHERE `+where), args...)
	if errors.Is(err, sql.ErrNoRows) {
		err = pushd.ErrNotFound
	}
	if err != nil {
		return pushd.Job{}, nil, err
	}
	_, odd = r.job()
	jobs, err := s.withCounts(ctx, on, []jobRow{r})
	if err != nil {
		return pushd.Job{}, nil, err
	}
	return jobs[0], odd, nil
}

// readable turns rows into jobs. Of a row that can't be decoded it gives what
// can be read: one such row is no reason to show none of the others.
func (s *Store) readable(rows []jobRow) []pushd.Job {
	jobs := make([]pushd.Job, len(rows))
	for i := range rows {
		var err error
		if jobs[i], err = rows[i].job(); err != nil {
			if _, known := s.odd.LoadOrStore(rows[i].ID, true); !known {
				s.opt.Logger.Error("a row of pushd_job can't be decoded", "job_id", string(rows[i].ID), "err", err)
			}
		}
	}
	return jobs
}

// withCounts turns rows into jobs, with sums over the progress of those that
// are still written to.
func (s *Store) withCounts(ctx context.Context, on sqlx.QueryerContext, rows []jobRow) ([]pushd.Job, error) {
	var live []pushd.JobID
	jobs := s.readable(rows)
	for i := range rows {
		if !rows[i].totalsFinal() {
			live = append(live, jobs[i].ID)
		}
	}
	sums, err := s.sum(ctx, on, live)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if !rows[i].totalsFinal() {
			jobs[i].Counts = sums[jobs[i].ID].Counts
		}
	}
	return jobs, nil
}
