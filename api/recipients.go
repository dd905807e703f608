package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Recipients reads what became of a job's recipients.
type Recipients interface {
	// Failures calls yield for everyone in one of the states, in the order
	// of the walk, and stops at the first error of yield, which it returns.
	Failures(ctx context.Context, id pushd.JobID, states []pushd.PersonState, yield func(pushd.Failure) error) error
	// Messages lists the messages that a job has had, the first first.
	Messages(ctx context.Context, id pushd.JobID) ([]pushd.MessageVersion, error)
	// Recipient reads one person's entry; pushd.ErrNotFound.
	Recipient(ctx context.Context, id pushd.JobID, openID pushd.OpenID) (pushd.Recipient, error)
}

// unreached are the outcomes of recipients who were not reached.
var unreached = map[string]pushd.PersonState{
	"failed":  pushd.PersonFailed,
	"unknown": pushd.PersonUnknown,
	"skipped": pushd.PersonSkipped,
}

// listed are the outcomes of GET /v1/jobs/{id}/recipients: with untold, for those
// without an outcome, every recipient is on exactly one list.
var listed = map[string][]pushd.PersonState{
	"sent":    {pushd.PersonSent},
	"skipped": {pushd.PersonSkipped},
	"failed":  {pushd.PersonFailed},
	"unknown": {pushd.PersonUnknown},
	untold:    {pushd.Untouched, pushd.Refused, pushd.InDoubt},
}

// untold is the outcome of a recipient who has none.
const untold = "untold"

// recipients is GET /v1/jobs/{id}/recipients.
func (s *Server) recipients(c echo.Context) error {
	f, err := parameters(c, "outcome", "receipt", "format")
	if err != nil {
		return err
	}
	all := []string{"sent", "skipped", "failed", "unknown", untold}
	outcomes := words(f, "outcome", all)
	if outcomes == nil {
		outcomes = all
	}
	var states []pushd.PersonState
	for _, o := range outcomes {
		states = append(states, listed[o]...)
	}
	return s.stream(c, f, states, withReceipt(f), "recipients")
}

// failures is GET /v1/jobs/{id}/failures. A million recipients may be on the
// list, so it is written as it is read.
func (s *Server) failures(c echo.Context) error {
	f, err := parameters(c, "outcome", "format")
	if err != nil {
		return err
	}
	outcomes := words(f, "outcome", []string{"failed", "unknown", "skipped"})
	if outcomes == nil {
		outcomes = []string{"failed", "unknown", "skipped"}
	}
	var states []pushd.PersonState
	for _, o := range outcomes {
		states = append(states, unreached[o])
	}
	return s.stream(c, f, states, nil, "failures")
}

// stream streams a job's recipients in some states, those whom chosen wants; nil
// wants all.
func (s *Server) stream(c echo.Context, f *fields, states []pushd.PersonState, chosen func(pushd.Failure) bool, name string) error {
	asCSV := strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/csv")
	if format := words(f, "format", []string{"csv", "ndjson"}); format != nil {
		asCSV = format[0] == "csv"
	}
	if err := f.err(); err != nil {
		return err
	}
	ctx, cancel := call(c)
	defer cancel()
	j, err := s.findKept(ctx, c)
	if err != nil {
		return err
	}
	out := newStream(c, j.ID, name, asCSV)
	out.chosen = chosen
	// The stream itself has no time limit, each piece of it has.
	err = s.Jobs.Failures(c.Request().Context(), j.ID, states, out.write)
	if err == nil {
		err = out.close()
	}
	if err != nil && c.Response().Committed {
		level := slog.LevelWarn
		if gone(err, c) {
			level = slog.LevelDebug // whoever asked has seen enough
		}
		s.Logger.Log(c.Request().Context(), level, "list of recipients cut off", "request_id", requestID(c), "job_id", string(j.ID), "error", err)
		panic(http.ErrAbortHandler) // an incomplete list must not look complete
	}
	return found(err)
}

// openIDPattern is loose: openids are WeChat's.
var openIDPattern = regexp.MustCompile(`^[!-.0-~]{1,128}$`)

type recipientDoc struct {
	JobID   pushd.JobID  `json:"jobId"`
	OpenID  pushd.OpenID `json:"openid"`
	Outcome string       `json:"outcome"`
	Error   *string      `json:"error"`
	Version *int         `json:"messageVersion"`
	Receipt *string      `json:"receipt"`
}

// recipient is GET /v1/jobs/{id}/recipients/{openid}.
func (s *Server) recipient(c echo.Context) error {
	ctx, cancel := call(c)
	defer cancel()
	j, err := s.findKept(ctx, c)
	if err != nil {
		return err
	}
	openID, err := url.PathUnescape(c.Param("openid"))
	if err != nil || !openIDPattern.MatchString(openID) {
		return problem(codeRecipientNotFound, "this can't be an openid")
	}
	p, err := s.Jobs.Recipient(ctx, j.ID, pushd.OpenID(openID))
	if errors.Is(err, pushd.ErrNotFound) {
		return problem(codeRecipientNotFound, stranger(j))
	}
	if err != nil {
		return err
	}
	doc := recipientDoc{JobID: j.ID, OpenID: pushd.OpenID(openID), Outcome: p.State.String(), Receipt: known(p.Receipt.String())}
	doc.Error, doc.Version = explained(p.State, int(p.Code))
	return answer(c, http.StatusOK, doc)
}

func stranger(j pushd.Job) string {
	if j.Walk.Complete {
		return fmt.Sprintf("not among the %d followers of this job; openids compare byte for byte", j.Walk.Walked)
	}
	return fmt.Sprintf("not among the %d followers listed so far; the list is not complete yet", j.Walk.Walked)
}

// findKept is find for what wants the job's recipients: a job whose are no longer
// on record is refused.
func (s *Server) findKept(ctx context.Context, c echo.Context) (pushd.Job, error) {
	j, err := s.find(ctx, c)
	if err == nil && j.PurgedAt != 0 {
		err = problem(codePurged, "who got this job's message was removed "+
			j.PurgedAt.Std().Format("2006-01-02")+" (PUSHD_RETENTION); its sums remain")
	}
	return j, err
}

// explained is the error of a person, by the key that the job's errors have, or
// the version of the message that they got.
func explained(state pushd.PersonState, code int) (err *string, version *int) {
	if state == pushd.PersonSent {
		return nil, known(code)
	}
	if code == 0 {
		return nil, nil
	}
	return known(errorKey(code)), nil
}
