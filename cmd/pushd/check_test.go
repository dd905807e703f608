package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The whole command, with what it calls answering; only the database is away.
func TestCheck_Run(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("appid") != "wx1" || r.FormValue("actid") != "42" || r.Header.Get("X-Pushd-Key") != goodKey {
			t.Errorf("asked with %v", r.Form)
		}
		io.WriteString(w, `{"access_token":"s3cr3t-token","expires_in":7200}`)
	})
	mux.HandleFunc("/cgi-bin/openapi/quota/get", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errcode":0,"quota":{"remain":99}}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	env := []string{"PUSHD_MYSQL_DSN=u:hunter2@unix(" + t.TempDir() + "/none)/p", "PUSHD_TOKEN_URL=" + server.URL + "/token",
		"PUSHD_TOKEN_KEY=" + goodKey, "PUSHD_WECHAT_URL=" + server.URL}
	var out, errs bytes.Buffer
	code := run(t.Context(), heard{}, []string{"check", "--appid=wx1", "--actid=42"}, env, strings.NewReader(""), &out, &errs)
	for _, want := range []string{"ok    settings", "warn  state: PUSHD_STATE_DIR is not set", "fail  database: cannot be reached", "ok    token endpoint: gave [token ", "ok    wechat: answers; 99"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s%s", want, out.String(), errs.String())
		}
	}
	if code != 1 || strings.Contains(out.String(), "s3cr3t") || strings.Contains(out.String(), "hunter2") {
		t.Errorf("code %d: %s", code, out.String())
	}
}
