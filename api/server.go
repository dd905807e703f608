// Package api is the HTTP face of pushd: it turns requests into calls on the
// domain (internal/control), and what comes back into JSON.
//
// openapi.yaml is the contract; a test holds it and the routes together. The
// package decides nothing about jobs: it checks that a request is well formed
// (post.go, fields.go), that the caller may ask (auth.go), and which HTTP
// status a refusal has (problem.go). No secret that comes in is kept or shown.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
	"pushd/internal/metrics"
)

// Control is what callers can ask of jobs; *control.Controller.
type Control interface {
	Intake
	Commands
	Holder
}

// Jobs is the read side of the database; *store.Store.
type Jobs interface {
	Lookup
	Lister
	Recipients
	Receipted
	Chronicle
}

// Options is what a Server is made of. Control, Jobs, Composer, Health and
// Stats must be set; the zero value of everything else is good.
type Options struct {
	Control  Control
	Jobs     Jobs
	Composer Composer
	// Sources are what GET /metrics shows; Health is asked at every probe, too, and
	// OnlyOpenIDs is shown with each job, so that it is clear who was skipped.
	metrics.Sources
	// Heartbeat notes that the host is alive, and says when that was, by the
	// database's clock; nil notes nothing.
	Heartbeat func(context.Context) (pushd.Time, error)
	// DropRefusal has a recipient asked again who has refused, and says whether that
	// was remembered; nil: nothing is.
	DropRefusal func(context.Context, pushd.AppID, pushd.OpenID) (bool, error)
	// Receipts takes what WeChat says of an accepted message, at once, and says
	// whether there was room for it; nil takes none.
	Receipts func(pushd.Reported) bool
	// CallbackSecret is what the tokens of the host's callbacks derive from; without
	// it no signature of WeChat's can be checked. SetCallbackSecret changes it.
	CallbackSecret string
	// Keys are the API keys; none leaves everything open, for loopback. SetKeys
	// changes them.
	Keys []pushd.Key
	// Host is the host that the API listens on. Without keys, requests that
	// are addressed to another one are refused, unless it is a loopback name.
	Host string
	// Draining says that no new work is taken.
	Draining func() bool
	// Unready says why the tables can't be worked on, such as that a newer
	// pushd has changed them; "" = they can. Until then no request changes
	// anything.
	Unready func() string
	// Down says that an error means that the database can't be reached or
	// accepts no writes, rather than that something is wrong with a request.
	Down func(error) bool
	// Denied says which right the database's user lacks, and what to do, where an
	// error is about one; "" = it is not.
	Denied func(error) string
	// Live is the rate in messages/s of a job that this very process sends;
	// other jobs show the rate that their owner last wrote to the database.
	Live    func(pushd.JobID) (rate float64, ok bool)
	Version string
	Logger  *slog.Logger
}

// A request but a stream is bounded: past it the database, or WeChat where
// a caller wants to know what it says, counts as not answering.
const (
	// callTimeout is shorter than the 10 s that PHP's cron waits, so that
	// cron hears what is the matter.
	callTimeout = 8 * time.Second
	// askTimeout is for calls that ask WeChat.
	askTimeout = 30 * time.Second
)

// Server answers pushd's HTTP requests.
type Server struct {
	Options
	keys    atomic.Pointer[keys]
	secret  atomic.Pointer[string] // of WeChat's callbacks
	metrics *registry
	echo    *echo.Echo
	strange flood // of requests without a key
}

// New returns a Server. It starts nothing: see HTTPServer.
func New(o Options) *Server {
	if o.Draining == nil {
		o.Draining = func() bool { return false }
	}
	if o.Unready == nil {
		o.Unready = func() string { return "" }
	}
	if o.Down == nil {
		o.Down = func(error) bool { return false }
	}
	if o.Denied == nil {
		o.Denied = func(error) string { return "" }
	}
	if o.Live == nil {
		o.Live = func(pushd.JobID) (float64, bool) { return 0, false }
	}
	if o.Heartbeat == nil {
		o.Heartbeat = func(context.Context) (pushd.Time, error) { return 0, nil }
	}
	if o.DropRefusal == nil {
		o.DropRefusal = func(context.Context, pushd.AppID, pushd.OpenID) (bool, error) { return false, nil }
	}
	if o.Receipts == nil {
		o.Receipts = func(pushd.Reported) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{Options: o, metrics: newRegistry(o), echo: echo.New()}
	s.SetKeys(o.Keys)
	s.SetCallbackSecret(o.CallbackSecret)
	s.echo.HTTPErrorHandler = s.fail
	// From the outside in: everything is logged and counted, a panic is an
	// answer like any other, and a stranger learns nothing about routes.
	s.echo.Use(s.observe, s.recovered, s.headers, s.authorized, s.migrated)
	s.routes(s.echo)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// The routes that are open without a key.
const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

// jobsPath is where jobs are posted.
const jobsPath = "/v1/jobs"

// routes lists every route there is.
func (s *Server) routes(e *echo.Echo) {
	probe := []string{http.MethodGet, http.MethodHead}
	e.Match(probe, healthPath, s.health)
	e.Match(probe, readyPath, s.ready)
	e.Match(probe, metricsPath, s.scrape)

	e.GET("/v1/openapi.yaml", s.openapi)
	e.POST("/v1/heartbeat", s.heartbeat)
	e.POST(receiptsPath, s.receipts)
	e.POST(jobsPath, s.post)
	e.GET(jobsPath, s.list)
	e.GET("/v1/jobs/:id", s.show)
	e.PATCH("/v1/jobs/:id", s.patch)
	e.POST("/v1/jobs/:id/pause", s.pause)
	e.POST("/v1/jobs/:id/resume", s.resume)
	e.POST("/v1/jobs/:id/cancel", s.cancel)
	e.POST("/v1/jobs/:id/retry", s.retry)
	e.GET("/v1/jobs/:id/events", s.jobEvents)
	e.GET("/v1/events", s.events)
	e.GET("/v1/jobs/:id/failures", s.failures)
	e.GET("/v1/jobs/:id/recipients", s.recipients)
	e.GET("/v1/jobs/:id/recipients/:openid", s.recipient)

	for _, held := range []string{holdPath, "/v1/accounts/:appid/hold"} {
		e.GET(held, s.held)
		e.PUT(held, s.hold)
		e.DELETE(held, s.lift)
	}

	e.GET("/v1/accounts/:appid/tags", s.tags)
	e.DELETE("/v1/accounts/:appid/refusals/:openid", s.dropRefusal)
	const account = "/v1/accounts/:appid/templates"
	e.GET(account, s.templates)
	e.GET(account+"/:templateId", s.template)
	e.PUT(account+"/:templateId", s.saveTemplate)
	e.POST(account+"/:templateId/preview", s.preview)
	e.POST(account+"/:templateId/test", s.test)
}

// asking bounds the calls of a request that asks WeChat.
func asking(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Request().Context(), askTimeout)
}

// call bounds the calls that a request makes.
func call(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Request().Context(), callTimeout)
}
