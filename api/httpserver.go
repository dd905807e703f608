package api

import (
	"log/slog"
	"net/http"
	"time"
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
