package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/labstack/echo/v4"

	"pushd"
)

// People reads what became of a job's recipients.
type People interface {
	// Failures calls yield for everyone in one of the states, in the order
	// of the walk, and stops at the first error of yield, which it returns.
	Failures(ctx context.Context, id pushd.JobID, states []pushd.PersonState, yield func(pushd.Failure) error) error
	// Messages lists the messages that a job has had, the first first.
	Messages(ctx context.Context, id pushd.JobID) ([]pushd.MessageVersion, error)
	// Recipient reads one person's entry; pushd.ErrNotFound.
	Recipient(ctx context.Context, id pushd.JobID, openID pushd.OpenID) (pushd.Person, error)
}

// openIDShape is loose: openids are WeChat's.
var openIDShape = regexp.MustCompile(`^[!-.0-~]{1,128}$`)

type recipientDoc struct {
	JobID   pushd.JobID  `json:"jobId"`
	OpenID  pushd.OpenID `json:"openid"`
	Outcome string       `json:"outcome"`
	Error   *string      `json:"error"`
	Version *int         `json:"messageVersion"`
}

// recipient is GET /v1/jobs/{id}/recipients/{openid}.
func (s *Server) recipient(c echo.Context) error {
	ctx, cancel := call(c)
	defer cancel()
	j, err := s.find(ctx, c)
	if err != nil {
		return err
	}
	if err := kept(j); err != nil {
		return err
	}
	openID, err := url.PathUnescape(c.Param("openid"))
	if err != nil || !openIDShape.MatchString(openID) {
		return problem(codeRecipientNotFound, "this can't be an openid")
	}
	p, err := s.Jobs.Recipient(ctx, j.ID, pushd.OpenID(openID))
	if errors.Is(err, pushd.ErrNotFound) {
		return problem(codeRecipientNotFound, stranger(j))
	}
	if err != nil {
		return err
	}
	doc := recipientDoc{JobID: j.ID, OpenID: pushd.OpenID(openID), Outcome: p.State.String()}
	doc.Error, doc.Version = explained(p.State, int(p.Code))
	return answer(c, http.StatusOK, doc)
}

func stranger(j pushd.Job) string {
	if j.Walk.Complete {
		return fmt.Sprintf("not among the %d followers of this job; openids compare byte for byte", j.Walk.Walked)
	}
	return fmt.Sprintf("not among the %d followers listed so far; the list is not complete yet", j.Walk.Walked)
}

// kept refuses a job whose recipients are no longer on record.
func kept(j pushd.Job) error {
	if j.PurgedAt == 0 {
		return nil
	}
	return problem(codePurged, "who got this job's message was removed "+
		j.PurgedAt.Std().Format("2006-01-02")+" (PUSHD_RETENTION); its sums remain")
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
