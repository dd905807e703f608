package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

var requestIDPattern = regexp.MustCompile(`^[\w.-]{1,64}$`)

// requestID returns the id by which the log and the answer name the request.
func requestID(c echo.Context) string {
	return c.Response().Header().Get(echo.HeaderXRequestID)
}

// observe gives the request an id, counts it and logs it. The log holds the
// route rather than the address, and neither query, headers nor body: tokens
// may be in all of them.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !requestIDPattern.MatchString(id) {
			id = rand.Text()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		// Deferred, so that an answer that was cut off is logged too.
		defer func() { s.log(c, time.Since(began)) }()
		if err := next(c); err != nil {
			s.fail(err, c)
		}
		return nil
	}
}

// quietly marks the context of a request that comes from Quiet.
type quietly struct{}

// Quiet answers as the Server does, but what only reads is logged at debug: for
// pages in this process that ask every few seconds.
func (s *Server) Quiet() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), quietly{}, true)))
	})
}

func (s *Server) log(c echo.Context, took time.Duration) {
	r := c.Request()
	status := c.Response().Status
	s.metrics.count(status)
	level := slog.LevelInfo
	switch c.Path() {
	case healthPath, readyPath, metricsPath:
		level = slog.LevelDebug // every few seconds, for ever
	case receiptsPath:
		level = slog.LevelDebug // thousands a second; metrics count them
	}
	if quiet := r.Context().Value(quietly{}); quiet != nil && r.Method == http.MethodGet && status < 400 {
		level = slog.LevelDebug // the same
	}
	unsaid := 0
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		var say bool
		if say, unsaid = s.strange.say(time.Now()); !say {
			return
		}
	}
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	line := []any{"request_id", requestID(c), "method", r.Method,
		"route", c.Path(), "job_id", string(jobID(c)), "status", status,
		"bytes", c.Response().Size, "seconds", took.Seconds(), "remote", remote, "key", pushd.ActorOf(c.Request().Context())}
	if unsaid > 0 {
		line = append(line, "unsaid", unsaid)
	}
	s.Logger.Log(r.Context(), level, "request", line...)
}

// flood lets one line a second pass: whoever tries keys may try thousands, each of
// which is counted all the same.
type flood struct {
	mu     sync.Mutex
	last   time.Time
	unsaid int
}

// say says whether to log a line, and how many were not logged before it.
func (f *flood) say(now time.Time) (say bool, unsaid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.last) < time.Second {
		f.unsaid++
		return false, 0
	}
	f.last, unsaid, f.unsaid = now, f.unsaid, 0
	return true, unsaid
}

// recovered turns a panic into an answer. Of the value only the type is
// logged, unless the runtime wrote it: it may hold anything.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if fault, ok := v.(error); ok && errors.Is(fault, http.ErrAbortHandler) {
				panic(v) // a stream that must not look complete
			}
			what := fmt.Sprintf("%T", v)
			if fault, ok := v.(runtime.Error); ok {
				what = fault.Error()
			}
			s.Logger.Error("panic", "request_id", requestID(c), "route", c.Path(),
				"panic", what, "stack", string(debug.Stack()))
			if c.Response().Committed {
				panic(http.ErrAbortHandler)
			}
			err = problem(codeInternal, "the log of pushd has more under this request's id")
		}()
		return next(c)
	}
}

// headers sets what every answer carries.
func (s *Server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		return next(c)
	}
}

// migrated keeps requests from changing tables that this program does not know.
func (s *Server) migrated(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !reads(c.Request().Method) {
			if why := s.Unready(); why != "" {
				return unready(why)
			}
		}
		return next(c)
	}
}

var jobIDPattern = regexp.MustCompile(`^[0-9a-z]{1,24}$`)

// jobID returns the job that the address names, or "" if it can't be one.
func jobID(c echo.Context) pushd.JobID {
	if id := c.Param("id"); jobIDPattern.MatchString(id) {
		return pushd.JobID(id)
	}
	return ""
}
