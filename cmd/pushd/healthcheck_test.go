package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The exit code is what a container's HEALTHCHECK goes by. The key that is in
// the environment, as it is in the container, is not sent.
func TestHealthcheck_ExitCode(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		code   int
		out    string
	}{
		{200, `{"status":"ok"}`, exitOK, "ok\n"},
		{200, `{"status":"degraded"}`, exitOK, "degraded\n"},
		{503, `{"status":"down"}`, exitFailed, "down\n"},
		{404, `not pushd`, exitFailed, ""},
		{200, `not pushd`, exitFailed, ""},
	} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" || r.Header.Get("Authorization") != "" {
				t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		for _, tls := range []bool{false, true} {
			if code, out, errs := healthcheck(t, handler, tls); code != c.code || out != c.out || (errs == "") != (out != "") {
				t.Errorf("%d %s (TLS %v): code %d, %q, %q", c.status, c.body, tls, code, out, errs)
			}
		}
	}
}

// healthcheck runs the command against a server that listens where the settings
// say.
func healthcheck(t *testing.T, handler http.Handler, tls bool) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	env := []string{"PUSHD_LISTEN=" + server.Listener.Addr().String(), "PUSHD_API_KEY=" + goodKey, "HTTP_PROXY=http://127.0.0.1:1"}
	if tls {
		server.StartTLS()
		env = append(env, writePair(t, server)...)
	} else {
		server.Start()
	}
	var out, errs bytes.Buffer
	code = run(t.Context(), heard{}, []string{"healthcheck"}, env, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// writePair writes a server's certificate, made out to example.com, and its key.
func writePair(t *testing.T, server *httptest.Server) []string {
	t.Helper()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for name, block := range map[string]*pem.Block{
		"PUSHD_TLS_CERT": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		"PUSHD_TLS_KEY":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+file)
	}
	return env
}

// Nobody listens, or the settings are not usable.
func TestHealthcheck_Fails(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for env, want := range map[string]int{
		"PUSHD_LISTEN=" + gone.Listener.Addr().String(): exitFailed,
		"PUSHD_LISTEN=8080":                             exitUsage,
		"PUSHD_TLS_CERT=nowhere":                        exitUsage,
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), heard{}, []string{"healthcheck"}, []string{env}, strings.NewReader(""), &out, &errs); code != want || errs.Len() == 0 {
			t.Errorf("%s: code %d, %q", env, code, errs.String())
		}
	}
}

func TestDialable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8080":      "127.0.0.1:8080",
		":8080":               "127.0.0.1:8080",
		"0.0.0.0:8080":        "127.0.0.1:8080",
		"[::]:8080":           "127.0.0.1:8080",
		"[::1]:8080":          "[::1]:8080",
		"192.0.2.1:8080":      "192.0.2.1:8080",
		"pushd.internal:8080": "pushd.internal:8080",
	} {
		if got := dialable(listen); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}
