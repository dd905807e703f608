package api

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
	"pushd/internal/control"
)

// Holder stops everything, or an account, until an operator lifts it.
type Holder interface {
	Hold(ctx context.Context, appID pushd.AppID, reason string) (control.Holding, error)
	Lift(ctx context.Context, appID pushd.AppID) (control.Holding, error)
	Holding(ctx context.Context, appID pushd.AppID) (control.Holding, error)
}

// holdPath is where everything is held.
const holdPath = "/v1/hold"

var reasonPattern = pattern{regexp.MustCompile(`^[^\x00-\x1f\x7f]+$`), 1000, "a line of at most 1000 bytes", "line"}

// holdDoc is a hold as callers see it.
type holdDoc struct {
	Held     bool         `json:"held"`
	Existing bool         `json:"existing,omitempty"`
	AppID    *pushd.AppID `json:"appid"`
	Reason   *string      `json:"reason"`
	ErrCode  *int         `json:"errcode"`
	By       *pushd.Actor `json:"by"`
	Since    *time.Time   `json:"since"`

	Stopped    int        `json:"stopped"`
	Stopping   int        `json:"stopping"`
	Waiting    int        `json:"waiting"`
	LastSentAt *time.Time `json:"lastSentAt"`

	Everything *bool     `json:"everything,omitempty"`
	Accounts   []holdRef `json:"accounts,omitempty"`
	WentBack   *int      `json:"ledgerWentBack,omitempty"`
}

// holdRef is the hold of an account in the list of all.
type holdRef struct {
	AppID   pushd.AppID  `json:"appid"`
	Reason  *string      `json:"reason"`
	ErrCode *int         `json:"errcode"`
	By      *pushd.Actor `json:"by"`
	Since   *time.Time   `json:"since"`
	Stopped int          `json:"stopped"`
}

// holding describes what is held of an account, or with "" of everything.
func holding(appID pushd.AppID, h control.Holding) holdDoc {
	doc := holdDoc{
		Held: h.Hold != nil, Existing: h.Existed, AppID: known(appID),
		Stopping: h.Stopping, Waiting: h.Waiting, LastSentAt: instant(h.LastSent),
	}
	if h.Hold != nil {
		doc.Reason, doc.ErrCode, doc.By = known(h.Hold.Reason), known(h.Hold.Code), known(h.Hold.By)
		doc.Since, doc.Stopped = instant(h.Hold.Since), h.Hold.Stopped
	}
	if appID != "" {
		all := h.All != nil
		doc.Everything = &all
		return doc
	}
	doc.WentBack = &h.WentBack
	for _, a := range h.Accounts {
		doc.Accounts = append(doc.Accounts, holdRef{a.AppID, known(a.Reason), known(a.Code), known(a.By), instant(a.Since), a.Stopped})
	}
	return doc
}

// instant is a time in RFC 3339 to the millisecond; nil for never.
func instant(t pushd.Time) *time.Time {
	at := t.Std().Truncate(time.Millisecond)
	if t == 0 || at.Year() < 1 || at.Year() > 9999 {
		return nil
	}
	return &at
}

// hold is PUT /v1/hold and PUT /v1/accounts/{appid}/hold. It goes on while the
// process drains, as other commands do.
func (s *Server) hold(c echo.Context) error {
	reason, err := parseBody(c, func(f *fields) string { return f.text("reason", reasonPattern) }, "reason")
	if err != nil {
		return err
	}
	return s.holding(c, func(ctx context.Context, appID pushd.AppID) (control.Holding, error) {
		return s.Control.Hold(ctx, appID, reason)
	})
}

// lift is DELETE of both.
func (s *Server) lift(c echo.Context) error { return s.holding(c, s.Control.Lift) }

// held is GET of both.
func (s *Server) held(c echo.Context) error { return s.holding(c, s.Control.Holding) }

// holding runs f on the account that the address names, or on everything.
func (s *Server) holding(c echo.Context, f func(context.Context, pushd.AppID) (control.Holding, error)) error {
	appID, _, err := account(c)
	if err != nil {
		return err
	}
	if appID == "" && c.Path() != holdPath { // never everything in place of a name that was left out
		return problem(codeNotFound, "the account's appid is missing")
	}
	ctx, cancel := call(c)
	defer cancel()
	h, err := f(ctx, appID)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, holding(appID, h))
}
