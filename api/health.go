package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"pushd"
)

// healthDoc is the answer of /healthz. Status is ok, degraded or down, and at
// /readyz also draining.
type healthDoc struct {
	Status   pushd.Level              `json:"status"`
	Draining bool                     `json:"draining"`
	Version  string                   `json:"version"`
	Parts    map[string]healthPartDoc `json:"parts"`
}

type healthPartDoc struct {
	Status pushd.Level `json:"status"`
	Text   string      `json:"text,omitempty"` // only for those with a key
}

// health is GET /healthz: 503 means that a person should look, or that a
// restart may help. Draining is neither.
func (s *Server) health(c echo.Context) error {
	h := s.Health()
	status := http.StatusOK
	if h.Status == pushd.Down {
		status = http.StatusServiceUnavailable
	}
	doc := healthDoc{
		Status: h.Status, Draining: s.draining(h), Version: s.Version,
		Parts: make(map[string]healthPartDoc, len(h.Parts)),
	}
	trusted := s.trusted(c)
	for _, p := range h.Parts {
		part := healthPartDoc{Status: p.Status}
		if trusted {
			part.Text = p.Text
		}
		doc.Parts[p.Name] = part
	}
	return answer(c, status, doc)
}

// readyDoc is the answer of /readyz.
type readyDoc struct {
	Ready bool `json:"ready"`
}

// ready is GET /readyz: whether to send work here.
func (s *Server) ready(c echo.Context) error {
	h := s.Health()
	doc := readyDoc{Ready: h.Status != pushd.Down && !s.draining(h)}
	if doc.Ready {
		return answer(c, http.StatusOK, doc)
	}
	return answer(c, http.StatusServiceUnavailable, doc)
}

func (s *Server) draining(h pushd.Health) bool { return h.Draining || s.Draining() }
