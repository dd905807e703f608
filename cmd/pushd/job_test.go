package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/internal/progress"
	"pushd/internal/settings"
)

// answer is what the fake API gives to one request.
type answer struct {
	status int
	body   string
}

// fakeAPI answers in order, and the last answer for ever; it keeps what it
// was asked.
type fakeAPI struct {
	mu      sync.Mutex
	answers []answer
	asked   []string
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)))
	a := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	if r.Header.Get("Authorization") != "Bearer "+goodKey {
		a = answer{401, `{"code":"unauthorized","title":"The API key is missing or wrong","detail":"no key"}`}
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body)
}

// execute runs a whole command against the API.
func execute(t *testing.T, api *fakeAPI, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(api)
	defer server.Close()
	env := []string{"PUSHD_SERVER=" + server.URL, "PUSHD_API_KEY=" + goodKey + ",another-key-of-16"}
	var out, errs bytes.Buffer
	code = run(t.Context(), heard{}, append([]string{"job"}, args...), env, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func job(state string, sent int) answer {
	return answer{200, fmt.Sprintf(`{"id":"j1","actid":42,"appid":"wx1","templateId":"T","state":%q,"total":100,"walked":100,
		"sent":%d,"skipped":1,"failed":0,"unknown":2,"rate":12.5,"errors":{"43004":1},"createdAt":"2026-01-02T03:04:05Z","reason":null}`, state, sent)}
}

func TestJob_Commands(t *testing.T) {
	for _, c := range []struct {
		args  string
		reply answer
		code  int
		asked string
		out   string
	}{
		{"pause j1", job("paused", 5), 0, "POST /v1/jobs/j1/pause", "job j1 is paused\n"},
		{"resume j1", job("running", 5), 0, "POST /v1/jobs/j1/resume", "job j1 is running\n"},
		{"cancel j1 --yes", job("canceled", 5), 0, "POST /v1/jobs/j1/cancel", "job j1 is canceled\n"},
		{"retry j1 --accept-duplicates --deadline=2026-01-02T03:04:05Z", job("queued", 5), 0, `POST /v1/jobs/j1/retry {"acceptDuplicates":true,"deadline":1767323045}`, "job j1 is queued\n"},
		{"show j1", job("running", 97), 0, "GET /v1/jobs/j1", "error 43004    1\n"},
		{"show j1 --json", job("running", 97), 0, "GET /v1/jobs/j1", "  \"actid\": 42,\n"},
		{"show a/../b", job("running", 97), 0, "GET /v1/jobs/a%2F..%2Fb", "100, 100 walked"},
		{"list --state running --actid 42 --appid wx1 --limit 3", answer{200, `{"items":[` + job("running", 7).body + `],"nextCursor":"c"}`}, 0,
			"GET /v1/jobs?actid=42&appid=wx1&limit=3&state=running", "There are more"},
		{"list --since 2026-01-02T03:04:05Z -o wide", answer{200, `{"items":[` + job("running", 7).body + `],"nextCursor":null}`}, 0,
			"GET /v1/jobs?limit=50&since=1767323045", "LAST SENT"},
		{"show j1 -o json", job("running", 97), 0, "GET /v1/jobs/j1", "  \"actid\": 42,\n"},
		{"post 42 wx1 --data thing1=a,b --rate=5 --template T --deadline=2026-01-02T03:04:05Z", job("queued", 0), 0,
			`POST /v1/jobs {"actid":42,"appid":"wx1","templateId":"T","data":{"thing1":"a,b"},"deadline":1767323045,"rate":5}`, "job j1 is queued"},
		{"post 42 wx1 --dry-run", answer{200, `{"total":9}`}, 0, `POST /v1/jobs {"actid":42,"appid":"wx1","dryRun":true}`, "\"total\": 9"},
		{"rate j1 0", job("running", 5), 0, `PATCH /v1/jobs/j1 {"rate":0}`, "job j1 is running"},
		{"deadline j1 2026-01-02T03:04:05Z", job("running", 5), 0, `PATCH /v1/jobs/j1 {"deadline":1767323045}`, "job j1 is running"},
		{"failures j1", answer{200, `{"openid":"o1","outcome":"failed","error":"47003"}` + "\n" + `{"openid":"o2","outcome":"unknown","error":null}` + "\n"}, 0,
			"GET /v1/jobs/j1/recipients?outcome=failed%2Cunknown%2Cskipped", "o1\tfailed\t47003\no2\tunknown\t-\n"},
		{"failures j1 --receipt blocked,undelivered", answer{200, `{"openid":"o1","outcome":"sent","error":null,"receipt":"freq_limit"}` + "\n"}, 0,
			"GET /v1/jobs/j1/recipients?receipt=blocked%2Cundelivered", "o1\tsent\tfreq_limit\n"},
		{"show j2", answer{200, `{"id":"j2","state":"succeeded","receipts":{"delivered":90,"blocked":3,"undelivered":2,"undeliveredBy":{"freq_limit":2}}}`}, 0,
			"GET /v1/jobs/j2", "undelivered    2\n  freq_limit   2\n"},
		{"recipient j1 -- -o1", answer{200, `{"outcome":"sent"}`}, 0, "GET /v1/jobs/j1/recipients/-o1", "\"outcome\": \"sent\""},
		{"recipient j1 o2", answer{404, `{"code":"recipient_not_found","detail":"not among them"}`}, exitNotFound, "GET /v1/jobs/j1/recipients/o2", "not among them"},
		{"events j1", answer{200, `{"items":[{"at":"2026-01-02T03:04:05Z","kind":"ended","by":"a","state":"failed","detail":"because","figures":{"sent":3},"times":2,"lastAt":"2026-01-02T03:04:06Z"}]}`}, 0,
			"GET /v1/jobs/j1/events?limit=200", "failed, because, sent 3, 2 times until"},
		{"events --appid=wx1 --since=2026-01-02T03:04:05Z --limit=3", answer{200, `{"items":[{"at":"2026-01-02T03:04:05Z","kind":"lifted","figures":{}}]}`}, 0,
			"GET /v1/events?appid=wx1&limit=3&since=2026-01-02T03%3A04%3A05Z", "ACCOUNT"},
		{"show j1", answer{503, `{"code":"unavailable","detail":"stopping"}`}, exitUnreachable, "GET /v1/jobs/j1", "stopping"},
		{"show j1", answer{500, `{"code":"internal_error","detail":"a fault"}`}, exitFailed, "GET /v1/jobs/j1", "a fault"},
		{"pause j1", answer{409, `{"code":"job_ended","title":"The job has ended","detail":"job j1 has succeeded"}`}, exitRefused, "POST /v1/jobs/j1/pause", "pushd: job j1 has succeeded (job_ended, HTTP 409)\n"},
		{"show j1", answer{502, "<html>bad gateway</html>"}, exitUnreachable, "GET /v1/jobs/j1", "pushd: the answer is not one of pushd's (not_pushd, HTTP 502)\n"},
		{"show j1", answer{200, "<html>"}, 1, "GET /v1/jobs/j1", "pushd: read the job"},
		{"pause j1 --api-key=wrong", answer{}, exitRefused, "POST /v1/jobs/j1/pause", "no key; set --api-key or PUSHD_API_KEY (unauthorized, HTTP 401)"},
		{"retry j1", answer{422, `{"code":"invalid_request","detail":"is past","field":"deadline"}`}, exitRefused, `POST /v1/jobs/j1/retry {}`, "deadline: is past"},
	} {
		t.Run(c.args, func(t *testing.T) {
			api := &fakeAPI{answers: []answer{c.reply}}
			code, out, errs := execute(t, api, "", strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out+errs, c.out) {
				t.Errorf("code %d, said %s%s", code, out, errs)
			}
			if len(api.asked) != 1 || api.asked[0] != c.asked {
				t.Errorf("asked %q", api.asked)
			}
		})
	}
}

func TestJob_Usage(t *testing.T) {
	for args, want := range map[string]string{
		"job show":                   "expected",
		"job show j1 --server=nonse": "PUSHD_SERVER: is not a URL",
		"job sing":                   "unexpected argument sing",
		"serve --lize":               "unknown flag --lize",
		"job pause":                  "pushd: job pause: name one job by its id, or --all",
		"job pause j1 --all":         "pushd: job pause: name one job by its id, or --all",
		"job list --since=yesterday": "neither a duration",
		"job list -o yaml":           "must be one of",
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), heard{}, strings.Fields(args), nil, strings.NewReader(""), &out, &errs)
		if code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: code %d, said %s", args, code, errs.String())
		}
	}
}

func TestRun_HelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"serve", "--help"}, {"job", "watch", "--help"}, {"version"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), heard{}, args, nil, strings.NewReader(""), &out, &errs); code != 0 || errs.Len() > 0 || !strings.Contains(out.String(), "pushd") {
			t.Errorf("%v: code %d, said %s%s", args, code, out.String(), errs.String())
		}
	}
}

// All jobs that have not ended are paused, however many lists they fill; one that
// ends meanwhile is no failure, and one that can't be paused stops nothing.
func TestJob_PauseAll(t *testing.T) {
	page := func(id, next string) answer {
		return answer{200, `{"items":[{"id":"` + id + `","state":"running"}],"nextCursor":"` + next + `"}`}
	}
	api := &fakeAPI{answers: []answer{
		page("j1", "c1"), job("paused", 1), page("j2", "c2"), {409, `{"code":"job_ended"}`}, page("j3", "c3"), {500, `{"code":"internal_error"}`}, page("j4", ""), job("paused", 1),
	}}
	code, out, errs := execute(t, api, "", "pause", "--all", "--appid=wx1")
	if code != exitFailed || out != "paused 2 jobs\n" || !strings.Contains(errs, "job j3: ") || strings.Contains(errs, "j2") {
		t.Errorf("code %d, said %s%s", code, out, errs)
	}
	if len(api.asked) != 8 || api.asked[2] != "GET /v1/jobs?appid=wx1&cursor=c1&limit=200&state=queued%2Crunning%2Cparked" || api.asked[7] != "POST /v1/jobs/j4/pause" {
		t.Errorf("asked %q", api.asked)
	}
}

// Continue and restart post the job's reminder again.
func TestJob_Again(t *testing.T) {
	for args, want := range map[string]string{
		"continue j1 --rate=5": `POST /v1/jobs {"actid":42,"appid":"wx1","rate":5,"continue":true,"job":"j1"}`,
		"restart j1":           `POST /v1/jobs {"actid":42,"appid":"wx1","restart":true,"job":"j1"}`,
	} {
		api := &fakeAPI{answers: []answer{job("failed", 5), job("queued", 5)}}
		code, out, errs := execute(t, api, "", strings.Fields(args)...)
		if code != 0 || out != "job j1 is queued\n" || len(api.asked) != 2 || api.asked[1] != want {
			t.Errorf("%s: code %d, said %s%s, asked %q", args, code, out, errs, api.asked)
		}
	}
}

// Who can't be reached is told apart from what is refused.
func TestJob_Unreachable(t *testing.T) {
	var out bytes.Buffer
	env := []string{"PUSHD_SERVER=http://127.0.0.1:1", "PUSHD_API_KEY=" + goodKey}
	if code := run(t.Context(), heard{}, []string{"job", "show", "j1"}, env, strings.NewReader(""), &out, &out); code != exitUnreachable {
		t.Errorf("code %d, said %s", code, out.String())
	}
}

// Watch survives a daemon that goes away, and says by its exit code how the
// job ended.
func TestJob_Watch(t *testing.T) {
	away := answer{503, `{"code":"unavailable","detail":"shutting down"}`}
	for state, want := range map[string]int{"succeeded": 0, "failed": 1, "expired": 1, "canceled": 1} {
		api := &fakeAPI{answers: []answer{job("running", 10), away, {502, "<html>"}, job("running", 10), job("running", 50), job(state, 97)}}
		code, out, errs := execute(t, api, "", "watch", "j1", "--every=1ms")
		if code != want || errs != "" {
			t.Errorf("%s: code %d, %s", state, code, errs)
		}
		for _, line := range []string{"[###.", " 13/100 (2 not sent) 12/s\n", "waiting: shutting down", "[############################] 100% 100/100"} {
			if !strings.Contains(out, line) {
				t.Errorf("%s: no %q in\n%s", state, line, out)
			}
		}
	}
}

func TestJob_WatchEndsAtOnce(t *testing.T) {
	api := &fakeAPI{answers: []answer{{404, `{"code":"job_not_found","detail":"no job j1"}`}}}
	if code, _, errs := execute(t, api, "", "watch", "j1"); code != exitNotFound || !strings.Contains(errs, "no job j1") {
		t.Errorf("unknown job: code %d, %s", code, errs)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	c := client.Client{URL: "http://127.0.0.1:1", HTTP: &http.Client{}}
	if _, err := watch(ctx, c, "j1", time.Hour, &progress.Bar{W: io.Discard}); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("interrupted: %v", err)
	}
}

func TestConfirm(t *testing.T) {
	for in, want := range map[string]bool{"y\n": true, "YES": true, "": false, "\n": false, "n\n": false, "yep\n": false} {
		if got := confirm(strings.NewReader(in), io.Discard, "Sure?"); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestClient_CA(t *testing.T) {
	api := &fakeAPI{answers: []answer{job("running", 1)}}
	server := httptest.NewUnstartedServer(api)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one handshake fails on purpose
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(ca string) error {
		c, err := newClient(settings.Remote{Server: settings.Address(server.URL), Key: goodKey, CA: ca})
		if err != nil {
			return err
		}
		defer c.HTTP.CloseIdleConnections()
		_, err = c.Job(t.Context(), "j1")
		return err
	}
	if err := ask(file); err != nil {
		t.Error(err)
	}
	if err := ask(""); err == nil || client.Temporary(err) {
		t.Errorf("an unknown certificate: %v", err)
	}
	if err := ask(file + "x"); err == nil {
		t.Error("a missing file passed")
	}
}
