package wechat

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-resty/resty/v2"

	"pushd"
	"pushd/internal/httpconn"
)

// reason says what broke a call. Only texts known to be made of host names,
// certificates and system errors are passed on: others may quote the URL, or
// what a proxy answered, and so the token. Ports are left out, so that equal
// failures read the same.
func reason(err error) string {
	var (
		dns  *net.DNSError
		op   *net.OpError
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
		host x509.HostnameError
		auth x509.UnknownAuthorityError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &dns):
		return "lookup " + dns.Name + ": " + dns.Err
	case timedOut(err):
		return "timeout"
	case errors.As(err, &cert):
		return capText(cert.Err.Error())
	case errors.As(err, &host):
		return capText(host.Error())
	case errors.As(err, &auth):
		return capText(auth.Error())
	case errors.As(err, &rec):
		return "tls: the server does not speak TLS"
	case errors.As(err, &op):
		return op.Op + ": " + systemError(op.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before the end of the answer"
	case errors.Is(err, resty.ErrResponseBodyTooLarge), errors.Is(err, httpconn.ErrTooLong):
		return "the answer is too long"
	}
	if text := systemError(err); text == plainHTTP {
		return text
	}
	return "connection broken"
}

// plainHTTP is what Go's transport says when https is answered with http.
const plainHTTP = "http: server gave HTTP response to HTTPS client"

// systemError names the innermost error of a network operation.
func systemError(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return capText(err.Error())
		}
		err = inner
	}
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// lostCode is the code of a call that may have arrived and was not answered.
func lostCode(err error) int {
	if timedOut(err) {
		return pushd.CodeTimeout
	}
	return pushd.CodeBroken
}

// notConnected says that there was no connection to write to. It is for calls
// that change nothing, where being wrong costs nothing; Send knows better.
func notConnected(err error) bool {
	var (
		dns  *net.DNSError
		op   *net.OpError
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
	)
	return errors.As(err, &dns) || errors.As(err, &cert) || errors.As(err, &rec) ||
		errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

func statusText(status int) string {
	return strings.TrimSpace("HTTP " + strconv.Itoa(status) + " " + http.StatusText(status))
}

// notJSON says what a body is that is not WeChat's JSON, quoting none of it.
func notJSON(body []byte) string {
	b := bytes.TrimSpace(body)
	switch {
	case body == nil:
		return "the answer is too long"
	case len(b) == 0:
		return "the answer is empty"
	case b[0] == '<':
		return "the answer is a web page"
	}
	return "the answer is not WeChat's JSON"
}

// scrub takes the token out of a text, as it is and as it stands in an URL.
func scrub(text string, tok pushd.Token) string {
	if tok == "" || text == "" || text == "ok" {
		return text
	}
	text = strings.ReplaceAll(text, string(tok), "[token]")
	if esc := url.QueryEscape(string(tok)); esc != string(tok) {
		text = strings.ReplaceAll(text, esc, "[token]")
	}
	return text
}
