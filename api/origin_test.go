package api

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// Without a key a browser is no way in: neither a form of another site nor a
// name that a stranger has pointed at this machine.
func TestServer_WithoutAKeyOnlyThisMachineMayAsk(t *testing.T) {
	for _, c := range []struct {
		host, origin, fetch string
		read, write         int
	}{
		{"127.0.0.1:8080", "", "", 200, 202},
		{"localhost:8080", "", "", 200, 202},
		{"LOCALHOST", "", "", 200, 202},
		{"localhost.:1", "", "", 200, 202},
		{"[::1]:8080", "", "", 200, 202},
		{"[::1]", "", "", 200, 202},
		{"127.8.9.1", "", "", 200, 202},
		{"", "", "", 200, 202},
		{"pushd.internal:8080", "", "", 200, 202}, // PUSHD_LISTEN
		{"127.0.0.1:8080", "http://127.0.0.1:8080", "same-origin", 200, 202},
		{"127.0.0.1:8080", "", "none", 200, 202},

		{"evil.example", "", "", 403, 403},
		{"evil.example:8080", "http://evil.example:8080", "same-origin", 403, 403},
		{"127.0.0.1.evil.example", "", "", 403, 403},
		{"localhost.evil.example", "", "", 403, 403},
		{"evil.localhost.example:8080", "", "", 403, 403},
		{"10.1.2.3:8080", "", "", 403, 403},
		{"0.0.0.0:8080", "", "", 403, 403},
		{"[::2]:8080", "", "", 403, 403},
		{"2130706433", "", "", 403, 403},
		{"127.0.0.1@evil.example", "", "", 403, 403},

		{"127.0.0.1:8080", "https://evil.example", "", 200, 403},
		{"127.0.0.1:8080", "null", "", 200, 403},
		{"127.0.0.1:8080", "http://127.0.0.1:9090", "same-site", 200, 403},
		{"127.0.0.1:8080", "http://localhost:8080", "", 200, 403},
		{"127.0.0.1:8080", "http://127.0.0.1.evil.example:8080", "", 200, 403},
		{"127.0.0.1:8080", "", "cross-site", 200, 403},
		{"127.0.0.1:8080", "", "same-site", 200, 403},
	} {
		w := newWorld()
		w.options.Keys, w.options.Host = nil, "pushd.internal"
		for method, want := range map[string]int{"GET": c.read, "POST": c.write} {
			r := httptest.NewRequest(method, "/v1/jobs", nil)
			if method == "POST" {
				r = httptest.NewRequest(method, "/v1/jobs", strings.NewReader("actid=42&appid=wx01"))
				r.Header.Set("Content-Type", asForm)
			}
			r.Host = c.host
			for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.fetch} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			rec := w.serve(r)
			if rec.Code != want {
				t.Errorf("%s for %q from %q (%s): %d, want %d", method, c.host, c.origin, c.fetch, rec.Code, want)
			} else if want == 403 {
				wantProblem(t, rec, 403, codeForbiddenOrigin, "")
			}
		}
	}
}

// With a key the key decides: a page of another site does not have it.
func TestServer_WithAKeyTheHostDoesNotMatter(t *testing.T) {
	w := newWorld()
	r := request("POST", "/v1/jobs", asForm, "actid=42&appid=wx01")
	r.Host = "pushd.example"
	r.Header.Set("Origin", "https://admin.example")
	if rec := w.serve(r); rec.Code != 202 {
		t.Errorf("answered %d %s", rec.Code, rec.Body)
	}
}

// What monitoring asks stays open under any name.
func TestServer_ProbesAreOpenUnderAnyHost(t *testing.T) {
	w := newWorld()
	w.options.Keys = nil
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "pushd-0.pushd.svc"
		if rec := w.serve(r); rec.Code != 200 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}
