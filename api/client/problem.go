package client

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"pushd"
)

// Problem is a refusal of the API.
type Problem struct {
	Status int               `json:"status"` // of HTTP
	Code   pushd.ProblemCode `json:"code"`
	Title  string            `json:"title"`
	Detail string            `json:"detail"`
	Field  string            `json:"field"` // of the request, where one is wrong
	// The job that stands in the way, where one does.
	JobID     string       `json:"jobId"`
	JobState  pushd.State  `json:"jobState"`
	JobReason pushd.Reason `json:"jobReason"`
	// Reason says why in a word for programs, and Params what belongs to it.
	Reason pushd.WhyWord     `json:"reason"`
	Params map[string]string `json:"params"`
	// NotBefore is from when on the same request may be granted; zero: not known.
	NotBefore time.Time `json:"notBefore"`
}

// CodeNotPushd is the code of an answer that is no problem of pushd's.
const CodeNotPushd pushd.ProblemCode = "not_pushd"

func (p *Problem) Error() string {
	text := cmp.Or(p.Detail, p.Title)
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", text, p.Code, p.Status)
}

// refused reads a problem. What is none came from something else, such as a
// proxy.
func refused(status int, body []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Code == "" {
		p = &Problem{Code: CodeNotPushd, Detail: "the answer is not one of pushd's"}
	}
	p.Status = status
	return p
}

// Code is the code of a refusal; "" if err is none.
func Code(err error) pushd.ProblemCode {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}

// Status is the HTTP status of a refusal; 0 if err is none.
func Status(err error) int {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Status
	}
	return 0
}

// Temporary says whether an error may be over soon: pushd is being restarted, or
// has no database. A certificate that is not trusted will not be.
func Temporary(err error) bool {
	if status := Status(err); status != 0 {
		return status >= 500 || status == http.StatusTooManyRequests
	}
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return err != nil && !distrusted
}

// unreached is an error of a call that got no answer.
type unreached struct{ error }

// Unwrap shows why.
func (e unreached) Unwrap() error { return e.error }

// Unreachable says whether a call got no answer, or that pushd can't serve now:
// it is stopping, or has no database.
func Unreachable(err error) bool {
	if status := Status(err); status != 0 {
		return status > http.StatusInternalServerError || status == http.StatusTooManyRequests
	}
	_, none := errors.AsType[unreached](err)
	return none
}
