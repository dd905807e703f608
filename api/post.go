package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Intake takes jobs.
type Intake interface {
	// Post accepts a job, or returns the one that is there.
	Post(ctx context.Context, r pushd.Request) (pushd.Outcome, error)
	// Estimate says what Post would come to, and changes nothing.
	Estimate(ctx context.Context, r pushd.Request) (pushd.Estimate, error)
}

// post is POST /v1/jobs.
func (s *Server) post(c echo.Context) error {
	if err := s.accepting(); err != nil {
		return err
	}
	r, err := parseBody(c, (*fields).jobRequest, jobFields...)
	if err != nil {
		return err
	}
	if r.DryRun {
		return s.estimate(c, r)
	}
	ctx, cancel := call(c)
	defer cancel()
	out, err := s.Control.Post(ctx, r)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/jobs/"+string(out.Job.ID))
	doc := s.job(ctx, out.Job)
	doc.Existing = out.Existing
	if out.Existing {
		s.posted(c, postExisting)
		return answer(c, http.StatusOK, doc)
	}
	s.posted(c, postAccepted)
	return answer(c, http.StatusAccepted, doc)
}

// estimate answers a dry run.
func (s *Server) estimate(c echo.Context, r pushd.Request) error {
	ctx, cancel := asking(c)
	defer cancel()
	e, err := s.Control.Estimate(ctx, r)
	if err != nil {
		return err
	}
	s.posted(c, postDryRun)
	return answer(c, http.StatusOK, estimated(e))
}

// accepting refuses new work while the process is about to end.
func (s *Server) accepting() error {
	if s.Draining() {
		return problem(pushd.CodeUnavailable, "pushd is stopping and takes no new work; ask again")
	}
	return nil
}

// estimateDoc is the answer to a dry run.
type estimateDoc struct {
	Audience        pushd.Audience `json:"audience"`
	Total           *int64         `json:"total"`
	Message         *pushd.Message `json:"message"`
	QuotaRemain     *int64         `json:"quotaRemain"`
	EstimateSeconds *int64         `json:"estimateSeconds"`
	Problems        []problemItem  `json:"problems"`
}

// problemItem is a reason why the job would be refused or would not do well.
type problemItem struct {
	Code   pushd.ProblemCode `json:"code"`
	Field  string            `json:"field,omitempty"`
	Detail string            `json:"detail"`
	Reason pushd.WhyWord     `json:"reason,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	JobID  pushd.JobID       `json:"jobId,omitempty"`
	// From when on the POST may be accepted.
	NotBefore *time.Time `json:"notBefore,omitempty"`
}

func estimated(e pushd.Estimate) estimateDoc {
	doc := estimateDoc{
		Audience: e.Audience.Or(""), Total: e.Total, Message: e.Message, QuotaRemain: e.QuotaRemain,
		EstimateSeconds: e.EstimateSeconds, Problems: []problemItem{},
	}
	for _, p := range e.Problems {
		o := problemItem{Code: p.Code, Field: p.Field, Detail: p.Text, Reason: p.Why.Word, Params: p.Why.Params, NotBefore: instant(p.NotBefore)}
		if p.Job != nil {
			o.JobID = p.Job.ID
		}
		doc.Problems = append(doc.Problems, o)
	}
	return doc
}
