package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// The codes that only this package gives; the others are the domain's.
const (
	codeMalformed         pushd.ProblemCode = "malformed_body"
	codeForbiddenOrigin   pushd.ProblemCode = "forbidden_origin"
	codeUnauthorized      pushd.ProblemCode = "unauthorized"
	codeReadOnly          pushd.ProblemCode = "read_only_key"
	codeNotFound          pushd.ProblemCode = "not_found"
	codeRecipientNotFound pushd.ProblemCode = "recipient_not_found"
	codeMethodNotAllowed  pushd.ProblemCode = "method_not_allowed"
	codeRequestTimeout    pushd.ProblemCode = "request_timeout"
	codeBadSignature      pushd.ProblemCode = "bad_signature"
	codeReceiptEncrypted  pushd.ProblemCode = "receipt_encrypted"
	codePurged            pushd.ProblemCode = "record_purged"
	codeTooLarge          pushd.ProblemCode = "body_too_large"
	codeMediaType         pushd.ProblemCode = "unsupported_media_type"
	codeInternal          pushd.ProblemCode = "internal_error"
)

// retryAfter is what a caller who gets 503 is given, in seconds: a restart, and
// most hiccups of a database, are over by then.
const retryAfter = 5

// refusal is how a code looks in HTTP.
type refusal struct {
	status int
	title  string
}

// refusals is the one table from codes to HTTP. appid_mismatch is a conflict
// instead where a job stands in the way.
var refusals = map[pushd.ProblemCode]refusal{
	codeMalformed:                 {http.StatusBadRequest, "The body can't be read"},
	codeUnauthorized:              {http.StatusUnauthorized, "The API key is missing or wrong"},
	codeReadOnly:                  {http.StatusForbidden, "The API key may only read"},
	codeBadSignature:              {http.StatusForbidden, "The signature is not WeChat's"},
	codeForbiddenOrigin:           {http.StatusForbidden, "The request was not made for this machine"},
	codeNotFound:                  {http.StatusNotFound, "There is nothing at this address"},
	pushd.CodeChannelNotFound:     {http.StatusNotFound, "There is no such channel"},
	pushd.CodeJobNotFound:         {http.StatusNotFound, "There is no such job"},
	codeRecipientNotFound:         {http.StatusNotFound, "The job knows no such recipient"},
	codeMethodNotAllowed:          {http.StatusMethodNotAllowed, "The address does not take this method"},
	codeRequestTimeout:            {http.StatusRequestTimeout, "The body took too long to arrive"},
	pushd.CodeAlreadyNotified:     {http.StatusConflict, "This reminder has been sent"},
	pushd.CodeJobEnded:            {http.StatusConflict, "The job has ended"},
	pushd.CodeAudienceDiffers:     {http.StatusConflict, "The job is for another audience"},
	pushd.CodeJobDiffers:          {http.StatusConflict, "The reminder's job is another one by now"},
	pushd.CodeMessageDiffers:      {http.StatusConflict, "The job at work sends another message"},
	pushd.CodeJobActive:           {http.StatusConflict, "The job has not ended"},
	pushd.CodeJobNotPaused:        {http.StatusConflict, "The job is not paused"},
	pushd.CodeReminderOff:         {http.StatusConflict, "The channel's reminder is switched off"},
	pushd.CodeOwnerDisabled:       {http.StatusConflict, "The owner's account is not enabled"},
	pushd.CodeDeadlinePassed:      {http.StatusConflict, "The deadline has passed"},
	pushd.CodeTooSoon:             {http.StatusConflict, "Too soon after the account's last reminder"},
	pushd.CodeQuietHours:          {http.StatusConflict, "No message leaves in the quiet hours"},
	pushd.CodeTooManyToday:        {http.StatusConflict, "The account has had its reminders of the day"},
	pushd.CodeNothingToRetry:      {http.StatusConflict, "There is no recipient to send to again"},
	codePurged:                    {http.StatusGone, "The record of recipients is no longer kept"},
	codeTooLarge:                  {http.StatusRequestEntityTooLarge, "The body is larger than 64 KiB"},
	codeMediaType:                 {http.StatusUnsupportedMediaType, "The body's type is not understood"},
	codeReceiptEncrypted:          {http.StatusUnprocessableEntity, "The event is encrypted"},
	pushd.CodeInvalid:             {http.StatusUnprocessableEntity, "The request is not valid"},
	pushd.CodeAudienceUnavailable: {http.StatusUnprocessableEntity, "The audience can't be listed"},
	pushd.CodeChannelInvalid:      {http.StatusUnprocessableEntity, "The channel's row can't be used"},
	pushd.CodeAppIDMismatch:       {http.StatusUnprocessableEntity, "The channel belongs to another account"},
	codeInternal:                  {http.StatusInternalServerError, "Something went wrong inside pushd"},
	pushd.CodeUnavailable:         {http.StatusServiceUnavailable, "Not available now"},

	// Of the calls that ask WeChat while a caller waits.
	pushd.CodeWeChatRefused:         {http.StatusBadGateway, "WeChat refuses"},
	pushd.CodeTokenUnavailable:      {http.StatusServiceUnavailable, "There is no access token"},
	pushd.CodeTemplateMissing:       {http.StatusUnprocessableEntity, "There is no template"},
	pushd.CodeTemplateFieldsUnknown: {http.StatusUnprocessableEntity, "The template's fields are not known"},
	pushd.CodeMessageInvalid:        {http.StatusUnprocessableEntity, "WeChat would refuse the message"},
}

// problemDoc is a refusal as RFC 9457 writes it, with members of our own.
type problemDoc struct {
	Type     string            `json:"type"`
	Title    string            `json:"title"`
	Status   int               `json:"status"`
	Detail   string            `json:"detail"`
	Code     pushd.ProblemCode `json:"code"`
	Field    string            `json:"field,omitempty"`
	Reason   pushd.WhyWord     `json:"reason,omitempty"`
	Params   map[string]string `json:"params,omitempty"`
	Instance string            `json:"instance,omitempty"`
	// From when on the same request may be granted.
	NotBefore *time.Time `json:"notBefore,omitempty"`
	// The job that stands in the way.
	JobID     pushd.JobID  `json:"jobId,omitempty"`
	JobState  pushd.State  `json:"jobState,omitempty"`
	JobReason pushd.Reason `json:"jobReason,omitempty"`
}

func document(p *pushd.Problem) problemDoc {
	r, known := refusals[p.Code]
	if !known {
		r = refusals[codeInternal]
	}
	d := problemDoc{
		Type: "urn:pushd:problem:" + string(p.Code), Title: r.title, Status: r.status,
		Detail: p.Text, Code: p.Code, Field: p.Field, Reason: p.Why.Word, Params: p.Why.Params, NotBefore: instant(p.NotBefore),
	}
	if p.Job != nil {
		d.JobID, d.JobState, d.JobReason = p.Job.ID, p.Job.State, p.Job.Reason
		if p.Code == pushd.CodeAppIDMismatch {
			d.Status = http.StatusConflict
		}
	}
	return d
}

// problem makes a refusal that concerns no field.
func problem(code pushd.ProblemCode, text string) *pushd.Problem {
	return &pushd.Problem{Code: code, Text: text}
}

// invalid makes a refusal of one field; without a reason it is malformed.
func invalid(field, text string, because ...pushd.Why) *pushd.Problem {
	return &pushd.Problem{Code: pushd.CodeInvalid, Field: field, Text: text, Why: append(because, wanted(""))[0]}
}

// wanted is the reason of a member that is not what it must be.
func wanted(what string) pushd.Why { return pushd.Because(pushd.WhyMalformed, "want", what) }

// unready words why nothing can be changed now.
func unready(why string) *pushd.Problem {
	return problem(pushd.CodeUnavailable, "pushd can't work on its tables now: "+why)
}

// statusGone is what the log and the metrics show where no caller was left to
// answer to; no client sees it.
const statusGone = 499

// fail answers with what went wrong. It is the only place that does.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if gone(err, c) {
		s.posted(c, postGone)
		c.Response().WriteHeader(statusGone)
		return
	}
	p := s.explain(err, c)
	d := document(p)
	s.posted(c, string(d.Code))
	d.Instance = "urn:pushd:request:" + requestID(c)
	h := c.Response().Header()
	switch d.Status {
	case http.StatusServiceUnavailable:
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(retryAfter))
	case http.StatusRequestTimeout, http.StatusRequestEntityTooLarge:
		h.Set(echo.HeaderConnection, "close") // the rest of the body is not waited for
	}
	b, _ := encode(d) // texts and a number always encode
	write(c, "application/problem+json", d.Status, b)
}

// gone says that the call was given up because the client went away, which is
// no caller's mistake.
func gone(err error, c echo.Context) bool {
	var p *pushd.Problem
	return !errors.As(err, &p) && errors.Is(c.Request().Context().Err(), context.Canceled)
}

// explain turns any error into a refusal. What is not meant for the caller is
// logged, and the caller learns only that there was something. An error of
// unknown meaning is a fault of pushd's, or of the set-up, and asking again
// will not help; only a database that is away is worth waiting for.
func (s *Server) explain(err error, c echo.Context) *pushd.Problem {
	var p *pushd.Problem
	if errors.As(err, &p) {
		return p
	}
	var h *echo.HTTPError
	if errors.As(err, &h) {
		switch h.Code {
		case http.StatusNotFound:
			return problem(codeNotFound, "see /v1/openapi.yaml for the addresses there are")
		case http.StatusMethodNotAllowed:
			return problem(codeMethodNotAllowed, "see the header Allow for those it takes")
		}
	}
	level, p := slog.LevelError, problem(codeInternal, "pushd's log has more under this request's id, which is at the end of instance")
	if why := s.Unready(); why != "" {
		level, p = slog.LevelWarn, unready(why)
	} else if why := s.Denied(err); why != "" {
		p = unready(why)
	} else if s.Down(err) || errors.Is(err, context.DeadlineExceeded) {
		level, p = slog.LevelWarn, problem(pushd.CodeUnavailable, "pushd can't reach its database now; ask again")
	}
	s.Logger.Log(c.Request().Context(), level, "request failed", "request_id", requestID(c), "route", c.Path(),
		"job_id", string(jobID(c)), "code", string(p.Code), "error", err)
	return p
}

// encode makes the JSON of an answer, whole, before any of it is sent: what
// can't be encoded must not look like an answer.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // links stay readable
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return b.Bytes(), nil
}

// write sends an answer. Nothing can be done about a client that is gone.
func write(c echo.Context, mediaType string, status int, body []byte) {
	c.Response().Header().Set(echo.HeaderContentType, mediaType)
	c.Response().WriteHeader(status)
	if c.Request().Method != http.MethodHead {
		_, _ = c.Response().Write(body)
	}
}

// answer answers with v.
func answer(c echo.Context, status int, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	write(c, "application/json", status, b)
	return nil
}
