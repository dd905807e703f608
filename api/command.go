package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Commands are what people tell a job. Each returns the job as it is after.
type Commands interface {
	Pause(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	Resume(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	Cancel(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	Retry(ctx context.Context, id pushd.JobID, r pushd.RetryRequest) (pushd.Job, error)
	Patch(ctx context.Context, id pushd.JobID, p pushd.Patch) (pushd.Job, error)
}

func (s *Server) pause(c echo.Context) error  { return s.plain(c, s.Control.Pause) }
func (s *Server) resume(c echo.Context) error { return s.plain(c, s.Control.Resume) }
func (s *Server) cancel(c echo.Context) error { return s.plain(c, s.Control.Cancel) }

// plain gives a command that takes nothing. These go on while the process
// drains: they are writes to the database, and somebody may be in a hurry to
// stop a job.
func (s *Server) plain(c echo.Context, command func(context.Context, pushd.JobID) (pushd.Job, error)) error {
	body, err := readBody(c)
	if err != nil {
		return err
	}
	if err := open(body, nil).err(); err != nil {
		return err
	}
	return s.command(c, http.StatusOK, command)
}

// retry is POST /v1/jobs/{id}/retry.
func (s *Server) retry(c echo.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	body, err := readBody(c)
	if err != nil {
		return err
	}
	f := open(body, nil, "acceptDuplicates", "deadline")
	r := pushd.RetryRequest{AcceptDuplicates: f.truth("acceptDuplicates"), Deadline: f.deadline()}
	if err := f.err(); err != nil {
		return err
	}
	return s.command(c, http.StatusAccepted, func(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
		return s.Control.Retry(ctx, id, r)
	})
}

// patch is PATCH /v1/jobs/{id}.
func (s *Server) patch(c echo.Context) error {
	body, err := readBody(c)
	if err != nil {
		return err
	}
	f := open(body, nil, "rate", "deadline", "templateId", "url", "miniprogram", "data")
	p := pushd.Patch{Edit: f.edit()}
	if rate := f.whole("rate", 0, maxRate); rate != nil {
		n := int(*rate)
		p.Rate = &n
	}
	if at := f.deadline(); at != 0 {
		p.Deadline = &at
	}
	if p.Rate == nil && p.Deadline == nil && p.Edit.Empty() && f.problem == nil {
		return invalid("", "give rate, deadline, or what is to be sent: templateId, url, miniprogram, data")
	}
	if err := f.err(); err != nil {
		return err
	}
	bound := callTimeout
	if !p.Edit.Empty() {
		bound = askTimeout // what fields a template has may have to be asked for
	}
	return s.within(c, bound, http.StatusOK, func(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
		return s.Control.Patch(ctx, id, p)
	})
}

// command runs a command on the job that the address names.
func (s *Server) command(c echo.Context, status int, run func(context.Context, pushd.JobID) (pushd.Job, error)) error {
	return s.within(c, callTimeout, status, run)
}

// within is command with another bound.
func (s *Server) within(c echo.Context, bound time.Duration, status int, run func(context.Context, pushd.JobID) (pushd.Job, error)) error {
	id := jobID(c)
	if id == "" {
		return noJob()
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), bound)
	defer cancel()
	j, err := run(ctx, id)
	if err != nil {
		return found(err)
	}
	return answer(c, status, s.job(ctx, j))
}
