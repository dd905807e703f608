package api

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics is what GET /metrics shows. It has a registry of its own, so two
// servers in one process do not meet.
type metrics struct {
	handler http.Handler
	answers *prometheus.CounterVec
}

func newMetrics(o Options) *metrics {
	m := &metrics{answers: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushd_http_answers_total",
		Help: "Answers to HTTP requests, by the class of their status.",
	}, []string{"class"})}
	version := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pushd_build_info", Help: "Always 1; the label is the version.",
		ConstLabels: prometheus.Labels{"version": o.Version},
	})
	version.Set(1)
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.answers, version, newCollector(o),
	)
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

// count counts an answer as 2xx, 4xx and so on.
func (m *metrics) count(status int) {
	m.answers.WithLabelValues(strconv.Itoa(status/100) + "xx").Inc()
}

// scrape is GET /metrics.
func (s *Server) scrape(c echo.Context) error {
	s.metrics.handler.ServeHTTP(c.Response(), c.Request())
	return nil
}
