package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"pushd"
)

func (w *world) probe(method, path, key string) *httptest.ResponseRecorder {
	r := request(method, path, "", "")
	r.Header.Del("Authorization")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return w.serve(r)
}

func TestServer_Health(t *testing.T) {
	cases := []struct {
		name           string
		health         pushd.Health
		draining       bool
		healthz, ready int
	}{
		{"OK", pushd.Health{Status: pushd.OK}, false, 200, 200},
		{"Degraded", pushd.Health{Status: pushd.Degraded}, false, 200, 200},
		{"Down", pushd.Health{Status: pushd.Down}, false, 503, 503},
		{"Draining", pushd.Health{Status: pushd.Degraded, Draining: true}, false, 200, 503},
		{"DrainingBySignal", pushd.Health{Status: pushd.OK}, true, 200, 503},
		{"DownAndDraining", pushd.Health{Status: pushd.Down, Draining: true}, true, 503, 503},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			w.health = c.health
			w.options.Draining = func() bool { return c.draining }
			for _, method := range []string{"GET", "HEAD"} {
				healthz, ready := w.probe(method, "/healthz", ""), w.probe(method, "/readyz", "")
				if healthz.Code != c.healthz || ready.Code != c.ready {
					t.Errorf("%s: healthz %d, readyz %d; want %d and %d", method, healthz.Code, ready.Code, c.healthz, c.ready)
				}
				if method == "HEAD" && healthz.Body.Len()+ready.Body.Len() > 0 {
					t.Error("HEAD has a body")
				}
			}
			doc := decode[healthDoc](t, w.probe("GET", "/healthz", ""))
			if doc.Status != c.health.Status || doc.Draining != (c.draining || c.health.Draining) {
				t.Errorf("got %+v", doc)
			}
		})
	}
}

func TestServer_HealthTextsWantAKey(t *testing.T) {
	const secretText = "wx01 answers 40001"
	w := newWorld()
	w.health = pushd.Health{Status: pushd.Degraded, Parts: []pushd.HealthPart{
		{Name: "database", Status: pushd.OK},
		{Name: "wechat", Status: pushd.Degraded, Text: secretText},
	}}
	for key, shown := range map[string]bool{"": false, "wrong": false, theKey: true, otherKey: true} {
		rec := w.probe("GET", "/healthz", key)
		if rec.Code != 200 || strings.Contains(rec.Body.String(), secretText) != shown {
			t.Errorf("key %q: %d %s", key, rec.Code, rec.Body)
		}
		if doc := decode[healthDoc](t, rec); doc.Parts["wechat"].Status != pushd.Degraded {
			t.Errorf("key %q: parts are missing: %s", key, rec.Body)
		}
	}
	for _, path := range []string{"/readyz", "/metrics"} {
		if body := w.probe("GET", path, "").Body.String(); strings.Contains(body, "wx01") {
			t.Errorf("%s tells: %s", path, body)
		}
	}
	// Whoever needs no key for the API needs none here.
	w.options.Keys = nil
	r := httptest.NewRequest("GET", "/healthz", nil)
	for host, shown := range map[string]bool{"127.0.0.1:8080": true, "rebound.example": false} {
		r.Host = host
		if rec := w.serve(r); rec.Code != 200 || strings.Contains(rec.Body.String(), secretText) != shown {
			t.Errorf("without keys, for %s: %d %s", host, rec.Code, rec.Body)
		}
	}
}
