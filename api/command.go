package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Commands are what an operator asks of a job. Each returns the job as it is after.
type Commands interface {
	Pause(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	Resume(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	Cancel(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	Retry(ctx context.Context, id pushd.JobID, r pushd.RetryRequest) (pushd.Job, error)
	Patch(ctx context.Context, id pushd.JobID, p pushd.Patch) (pushd.Job, error)
}

// pause is POST /v1/jobs/{id}/pause.
func (s *Server) pause(c echo.Context) error { return s.plain(c, s.Control.Pause) }

// resume is POST /v1/jobs/{id}/resume.
func (s *Server) resume(c echo.Context) error { return s.plain(c, s.Control.Resume) }

// cancel is POST /v1/jobs/{id}/cancel.
func (s *Server) cancel(c echo.Context) error { return s.plain(c, s.Control.Cancel) }

// plain gives a command that takes nothing. These go on while the process
// drains: they are writes to the database, and an operator may be in a hurry to
// stop a job.
func (s *Server) plain(c echo.Context, command func(context.Context, pushd.JobID) (pushd.Job, error)) error {
	if _, err := parseBody(c, func(*fields) struct{} { return struct{}{} }); err != nil {
		return err
	}
	return s.command(c, callTimeout, http.StatusOK, command)
}

// retry is POST /v1/jobs/{id}/retry.
func (s *Server) retry(c echo.Context) error {
	if err := s.accepting(); err != nil {
		return err
	}
	r, err := parseBody(c, (*fields).retryRequest, "acceptDuplicates", "deadline")
	if err != nil {
		return err
	}
	return s.command(c, callTimeout, http.StatusAccepted, func(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
		return s.Control.Retry(ctx, id, r)
	})
}

func (f *fields) retryRequest() pushd.RetryRequest {
	return pushd.RetryRequest{AcceptDuplicates: f.boolean("acceptDuplicates"), Deadline: f.deadline()}
}

// patch is PATCH /v1/jobs/{id}.
func (s *Server) patch(c echo.Context) error {
	p, err := parseBody(c, (*fields).patch, "rate", "deadline", "templateId", "url", "miniprogram", "data")
	if err != nil {
		return err
	}
	bound := callTimeout
	if !p.Edit.Empty() {
		bound = askTimeout // what fields a template has may have to be asked for
	}
	return s.command(c, bound, http.StatusOK, func(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
		return s.Control.Patch(ctx, id, p)
	})
}

// command runs a command on the job that the address names.
func (s *Server) command(c echo.Context, bound time.Duration, status int, run func(context.Context, pushd.JobID) (pushd.Job, error)) error {
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
