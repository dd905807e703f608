package api

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pushd/internal/metrics"
)

// registry is what GET /metrics shows. It has a registry of its own, so two
// servers in one process do not meet.
type registry struct {
	handler http.Handler
	answers *prometheus.CounterVec
	posts   *prometheus.CounterVec
	// receipts counts what came of posted receipts.
	receipts *prometheus.CounterVec
}

func newRegistry(o Options) *registry {
	m := &registry{answers: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushd_http_answers_total",
		Help: "Answers to HTTP requests, by the class of their status.",
	}, []string{"class"}), posts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushd_posts_total",
		Help: "Answers to POST /v1/jobs: accepted, existing, dry_run, client_gone, or the problem's code.",
	}, []string{"code"}), receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushd_receipt_posts_total",
		Help: "Posted events of WeChat's: receipts that were taken, other events that were ignored, and what was refused.",
	}, []string{"result"})}
	for _, result := range receiptResults {
		m.receipts.WithLabelValues(result)
	}
	for _, code := range []string{postAccepted, postExisting, postDryRun, postGone} {
		m.posts.WithLabelValues(code)
	}
	for code := range refusals { // all are there from the start, so that the first of each counts as a rise
		m.posts.WithLabelValues(string(code))
	}
	version := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pushd_build_info", Help: "Always 1; the label is the version.",
		ConstLabels: prometheus.Labels{"version": o.Version},
	})
	version.Set(1)
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.answers, m.posts, m.receipts, version, metrics.New(o.Sources),
	)
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

// count counts an answer as 2xx, 4xx and so on.
func (m *registry) count(status int) {
	m.answers.WithLabelValues(strconv.Itoa(status/100) + "xx").Inc()
}

// What comes of a POST beside a problem's code.
const (
	postAccepted = "accepted"
	postExisting = "existing"
	postDryRun   = "dry_run"
	postGone     = "client_gone"
)

// posted counts what came of a POST /v1/jobs; other requests are not counted. The
// word is of a closed list.
func (s *Server) posted(c echo.Context, what string) {
	if c.Request().Method == http.MethodPost && c.Path() == jobsPath {
		s.metrics.posts.WithLabelValues(what).Inc()
	}
}

// scrape is GET /metrics.
func (s *Server) scrape(c echo.Context) error {
	s.metrics.handler.ServeHTTP(c.Response(), c.Request())
	return nil
}
