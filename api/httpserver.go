package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// How long a client may take.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second // the whole request, header included
	idleTimeout   = 60 * time.Second
	// writeTimeout is for a whole answer, and for every piece of a stream.
	writeTimeout = 60 * time.Second
)

// HTTPServer returns an http.Server for h with the time-outs of the contract.
// What net/http has to complain about (a TLS handshake with a stranger) is
// logged as a warning.
func HTTPServer(addr string, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// patient lifts the read time-out from requests that are read completely.
// net/http goes on reading to notice that the client went away, and takes its
// own time-out for such an end: an answer of more than 10 s would be cut off.
func (s *Server) patient(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().ContentLength == 0 {
			requestRead(c)
		}
		return next(c)
	}
}

// requestRead says that nothing more is expected from the client. It fails
// only where there is no connection, as in tests.
func requestRead(c echo.Context) {
	_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
}
