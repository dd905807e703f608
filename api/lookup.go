package api

import (
	"context"
	"errors"
	"net/http"

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
	doc := s.job(ctx, j)
	doc.Messages = messages(versions)
	return answer(c, http.StatusOK, doc)
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
