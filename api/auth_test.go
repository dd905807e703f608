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
	w.options.Keys = []string{theKey, ""}
	r := request("GET", "/v1/jobs", "", "")
	r.Header.Set("Authorization", "Bearer ")
	wantProblem(t, w.serve(r), 401, codeUnauthorized, "")
}
