package api

import (
	"strings"
	"testing"

	"pushd"
)

func TestServer_Keys(t *testing.T) {
	for header, want := range map[string]int{
		"Bearer " + theKey:                  200,
		"bearer " + otherKey:                200,
		"Bearer  " + theKey + " ":           200,
		"Bearer " + readKey:                 200,
		"":                                  401,
		"Bearer":                            401,
		"Bearer ":                           401,
		"Basic " + theKey:                   401,
		theKey:                              401,
		"Bearer " + theKey + "x":            401,
		"Bearer " + theKey[:5]:              401,
		"Bearer " + theKey + "," + otherKey: 401,
	} {
		w := newWorld()
		r := request("GET", "/v1/jobs/"+theJob, "", "")
		r.Header.Set("Authorization", header)
		rec := w.serve(r)
		if rec.Code != want {
			t.Errorf("%q: answered %d, want %d", header, rec.Code, want)
		}
		if want != 401 {
			continue
		}
		wantProblem(t, rec, 401, codeUnauthorized, "")
		want := "send the header Authorization"
		if _, key, ok := strings.Cut(header, "Bearer "); ok && key != "" {
			want = "is neither one of PUSHD_API_KEY nor of PUSHD_READ_KEY"
			if strings.Contains(rec.Body.String(), key) {
				t.Errorf("%q is shown: %s", header, rec.Body)
			}
		}
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%q: no %q in %s", header, want, rec.Body)
		}
		if challenge := rec.Header().Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%q: WWW-Authenticate is %q", header, challenge)
		}
	}
}

// Without a key one learns nothing about jobs, nor which addresses there are.
func TestServer_EverythingElseWantsAKey(t *testing.T) {
	w := newWorld()
	for _, route := range New(w.options).echo.Routes() {
		r := request(route.Method, strings.NewReplacer(":id", theJob, ":openid", "oA").Replace(route.Path), asJSON, "{}")
		r.Header.Del("Authorization")
		rec := w.serve(r)
		open := route.Path == "/healthz" || route.Path == "/readyz" || route.Path == "/metrics"
		if open != (rec.Code == 200) || open == (rec.Code == 401) {
			t.Errorf("%s %s: %d", route.Method, route.Path, rec.Code)
		}
	}
	for _, path := range []string{"/", "/v1", "/v9/x", "/healthz/x", "/debug/pprof/"} {
		r := request("GET", path, "", "")
		r.Header.Del("Authorization")
		if rec := w.serve(r); rec.Code != 401 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestServer_NoKeysIsOpen(t *testing.T) {
	w := newWorld()
	w.options.Keys = nil
	w.health.Parts = []pushd.HealthPart{{Name: "wechat", Status: pushd.OK, Text: "shown"}}
	r := request("GET", "/v1/jobs", "", "")
	r.Header.Del("Authorization")
	r.Host = "127.0.0.1:8080"
	if rec := w.serve(r); rec.Code != 200 {
		t.Errorf("answered %d", rec.Code)
	}
}

// An empty key among others, from a trailing comma, opens nothing.
func TestServer_EmptyKeyOpensNothing(t *testing.T) {
	w := newWorld()
	w.options.Keys = []pushd.Key{{Secret: theKey}, {}}
	r := request("GET", "/v1/jobs", "", "")
	r.Header.Set("Authorization", "Bearer ")
	wantProblem(t, w.serve(r), 401, codeUnauthorized, "")
}

// A read-only key may read everything, and change nothing, whatever route there
// is. The log names keys and never shows one.
func TestServer_ReadOnlyKey(t *testing.T) {
	w := newWorld()
	for _, route := range New(w.options).echo.Routes() {
		path := strings.NewReplacer(":id", theJob, ":openid", "oA", ":appid", "wx01", ":templateId", "t1").Replace(route.Path)
		if path == "/healthz" || path == "/readyz" || path == "/metrics" {
			continue
		}
		r := request(route.Method, path, asJSON, "{}")
		r.Header.Set("Authorization", "Bearer "+readKey)
		rec := w.serve(r)
		if reads(route.Method) {
			if rec.Code != 200 {
				t.Errorf("%s %s: answered %d", route.Method, path, rec.Code)
			}
			continue
		}
		if p := wantProblem(t, rec, 403, codeReadOnly, ""); !strings.Contains(p.Detail, "reader") {
			t.Errorf("%s %s: %s", route.Method, path, p.Detail)
		}
	}
	w.health.Parts = []pushd.HealthPart{{Name: "wechat", Status: pushd.OK, Text: "shown"}}
	r := request("GET", "/healthz", "", "")
	r.Header.Set("Authorization", "Bearer "+readKey)
	if rec := w.serve(r); !strings.Contains(rec.Body.String(), "shown") {
		t.Errorf("health: %s", rec.Body)
	}
	w.get("/v1/jobs")
	if log := w.log.String(); !strings.Contains(log, `"key":"reader"`) || !strings.Contains(log, `"key":"key1"`) || strings.Contains(log, readKey) || strings.Contains(log, theKey) {
		t.Errorf("log %s", log)
	}
}
