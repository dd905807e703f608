package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Lookup reads one job.
type Lookup interface {
	// Job reads a job; pushd.ErrNotFound.
	Job(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	// QueuePosition is a queued job's place among those of its account: 1 is
	// the next to be taken up; 0 where the job is not queued.
	QueuePosition(ctx context.Context, id pushd.JobID) (int, error)
}

// show is GET /v1/jobs/{id}.
func (s *Server) show(c echo.Context) error {
	ctx, cancel := call(c)
	defer cancel()
	j, err := s.find(ctx, c)
	if err != nil {
		return err
	}
	versions, err := s.Jobs.Messages(ctx, j.ID)
	if err != nil {
		return err
	}
	docs := []jobDoc{s.job(ctx, j)}
	docs[0].Messages = messages(versions)
	s.receiptSums(ctx, docs)
	return answer(c, http.StatusOK, docs[0])
}

// find reads the job that the address names.
func (s *Server) find(ctx context.Context, c echo.Context) (pushd.Job, error) {
	id := jobID(c)
	if id == "" {
		return pushd.Job{}, noJob()
	}
	j, err := s.Jobs.Job(ctx, id)
	return j, found(err)
}

// found words the ledger's "not found" for the caller.
func found(err error) error {
	if errors.Is(err, pushd.ErrNotFound) {
		return noJob()
	}
	return err
}

func noJob() error { return problem(pushd.CodeJobNotFound, "no job has this id") }

// jobDoc is a job as callers see it. Pointers are null where nothing is known.
type jobDoc struct {
	ID          pushd.JobID       `json:"id"`
	ClientMsgID pushd.MsgID       `json:"clientMsgId"`
	Existing    bool              `json:"existing,omitempty"`
	ActID       pushd.ActID       `json:"actid"`
	AppID       pushd.AppID       `json:"appid"`
	Audience    pushd.Audience    `json:"audience"`
	TemplateID  *pushd.TemplateID `json:"templateId"`
	Message     *pushd.Message    `json:"message"`
	Version     *int              `json:"messageVersion"`
	Messages    []messageDoc      `json:"messages,omitempty"`

	State  pushd.State   `json:"state"`
	Reason *pushd.Reason `json:"reason"`
	Detail *string       `json:"detail"`

	Total   *int64           `json:"total"`
	Walked  int64            `json:"walked"`
	Sent    int64            `json:"sent"`
	Skipped int64            `json:"skipped"`
	Failed  int64            `json:"failed"`
	Unknown int64            `json:"unknown"`
	Untold  *int64           `json:"untold"`
	InDoubt int64            `json:"inDoubt"`
	Retries int64            `json:"retries"`
	Errors  map[string]int64 `json:"errors"`
	// Receipts is null where it is not known or was not asked for.
	Receipts *receiptsDoc `json:"receipts"`

	Rate          float64    `json:"rate"`
	RateLimit     *int       `json:"rateLimit"`
	ETA           *time.Time `json:"eta"`
	QuotaRemain   *int64     `json:"quotaRemain"`
	Shortfall     *int64     `json:"shortfall"`
	QueuePosition *int       `json:"queuePosition"`
	First         *int       `json:"first"`
	OnlyOpenIDs   int        `json:"onlyOpenids,omitempty"`
	Owner         *string    `json:"owner"`

	StartTime   *time.Time `json:"startTime"`
	CreatedAt   *time.Time `json:"createdAt"`
	StartedAt   *time.Time `json:"startedAt"`
	LastSentAt  *time.Time `json:"lastSentAt"`
	FinishedAt  *time.Time `json:"finishedAt"`
	ParkedUntil *time.Time `json:"parkedUntil"`
	Deadline    *time.Time `json:"deadline"`
}

// messageDoc is one version of a job's message.
type messageDoc struct {
	Version   int           `json:"version"`
	Message   pushd.Message `json:"message"`
	CreatedAt *time.Time    `json:"createdAt"`
}

// messages describes the versions of a job's message.
func messages(versions []pushd.MessageVersion) []messageDoc {
	docs := make([]messageDoc, len(versions))
	for i, v := range versions {
		docs[i] = messageDoc{v.Version, v.Message, moment(v.At)}
	}
	return docs
}

// job describes j. Its place in the queue is asked for and left out if the
// database does not answer: what was done to the job stands all the same.
func (s *Server) job(ctx context.Context, j pushd.Job) jobDoc {
	rate := s.rate(j)
	doc := jobDoc{
		ID: j.ID, ClientMsgID: j.MsgID, ActID: j.ActID, AppID: j.AppID, Audience: j.Audience.Or(""),
		TemplateID: known(j.Asked.TemplateID), Message: j.Prepared.Message, Version: known(j.MessageVersion),
		State: j.State, Reason: known(j.Reason), Detail: known(j.Detail),
		Total: j.Walk.Total, Walked: j.Walk.Walked,
		Sent: j.Counts.Sent, Skipped: j.Counts.Skipped, Failed: j.Counts.Failed,
		Unknown: j.Counts.Unknown, InDoubt: j.Counts.InDoubt, Retries: j.Counts.Retries,
		Errors: errorCounts(j.Counts.Errors),
		Rate:   rate, RateLimit: known(j.Rate), ETA: moment(j.ETA(rate)),
		QuotaRemain: j.QuotaRemain, Shortfall: j.Shortfall, Owner: known(j.Owner.Instance),
		StartTime: moment(pushd.Time(j.StartTime * 1e6)), CreatedAt: moment(j.CreatedAt),
		StartedAt: moment(j.StartedAt), LastSentAt: instant(j.LastSent), FinishedAt: moment(j.FinishedAt), Deadline: moment(j.Deadline),
	}
	if !j.FirstPassed {
		doc.First = known(j.First)
	}
	if j.Prepared.Message != nil {
		doc.TemplateID = known(j.Prepared.Message.TemplateID)
	}
	switch j.State {
	case pushd.Parked:
		doc.ParkedUntil = moment(j.ParkedUntil)
	case pushd.Queued:
		position, err := s.Jobs.QueuePosition(ctx, j.ID)
		if err != nil {
			s.Logger.Warn("queue position not known", "job_id", string(j.ID), "error", err)
		}
		doc.QueuePosition = known(position)
	}
	if j.State.Ended() {
		left := j.Walk.Walked - j.Counts.Settled()
		doc.Untold = &left
	}
	doc.OnlyOpenIDs = s.OnlyOpenIDs
	return doc
}

// rate is the messages/s of a job over the last 10 s. A running job whose
// owner is gone sends nothing, whatever was written last.
func (s *Server) rate(j pushd.Job) float64 {
	if j.State != pushd.Running {
		return 0
	}
	r, here := s.Live(j.ID)
	if !here {
		r = j.SendRate
	}
	if (!here && j.Leased < j.Now) || math.IsNaN(r) || math.IsInf(r, 0) || r < 0 {
		return 0
	}
	return math.Round(r*10) / 10
}

// errorCounts keys errors by WeChat's errcode, or pushd's name for its own.
func errorCounts(counts map[int]int64) map[string]int64 {
	named := make(map[string]int64, len(counts))
	for code, n := range counts {
		named[errorKey(code)] = n
	}
	return named
}

func errorKey(code int) string {
	if name := pushd.CodeName(code); name != "" {
		return name
	}
	return strconv.Itoa(code)
}

// moment is a time in RFC 3339 to the second; nil for never, and for a time
// that RFC 3339 can't write: one such row must not break a list.
func moment(t pushd.Time) *time.Time {
	at := t.Std().Truncate(time.Second)
	if t == 0 || at.Year() < 1 || at.Year() > 9999 {
		return nil
	}
	return &at
}

// known returns a pointer to v; nil for the zero value.
func known[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
