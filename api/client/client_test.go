package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"pushd"
	"pushd/api"
	"pushd/api/client"
)

// fake is an API that answers every call alike, and keeps what it was asked.
type fake struct {
	status int
	body   string
	cut    bool // the connection breaks behind the body
	asked  []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)))
	if got := r.Header.Get("Authorization"); got != "Bearer key" {
		f.asked = append(f.asked, "with "+got)
	}
	if f.status != 0 {
		w.WriteHeader(f.status)
	}
	io.WriteString(w, f.body)
	if f.cut {
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (f *fake) client(t *testing.T) client.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return client.Client{URL: server.URL + "/", Key: "key", HTTP: server.Client()}
}

func TestClient_Asks(t *testing.T) {
	ctx := t.Context()
	for want, call := range map[string]func(client.Client) error{
		"GET /v1/jobs/j1": func(c client.Client) error { _, err := c.Job(ctx, "j1"); return err },
		"GET /v1/jobs/a%2F..%2Fb": func(c client.Client) error {
			_, err := c.Job(ctx, "a/../b")
			return err
		},
		"GET /v1/jobs?actid=42&appid=wx1&cursor=c&limit=3&state=running%2Cparked": func(c client.Client) error {
			_, err := c.Jobs(ctx, client.Filter{State: "running,parked", ActID: 42, AppID: "wx1", Limit: 3, Cursor: "c"})
			return err
		},
		`POST /v1/jobs {"actid":42,"appid":"wx1","secret":"s","accessToken":"t"}`: func(c client.Client) error {
			_, err := c.Post(ctx, client.Order{ActID: 42, AppID: "wx1", Secret: "s", AccessToken: "t"})
			return err
		},
		"POST /v1/jobs/j1/pause": func(c client.Client) error { _, err := c.Command(ctx, "j1", client.Pause); return err },
		`POST /v1/jobs/j1/retry {"acceptDuplicates":true,"deadline":1900000000}`: func(c client.Client) error {
			_, err := c.Retry(ctx, "j1", client.Retry{AcceptDuplicates: true, Deadline: 1_900_000_000})
			return err
		},
		`PATCH /v1/jobs/j1 {"rate":0,"data":{"thing1":null}}`: func(c client.Client) error {
			_, err := c.Patch(ctx, "j1", client.Patch{Rate: new(0), Data: map[string]*string{"thing1": nil}})
			return err
		},
		`PUT /v1/hold {"reason":"a drill"}`: func(c client.Client) error { _, err := c.SetHold(ctx, "", "a drill"); return err },
		"DELETE /v1/accounts/wx1/hold":      func(c client.Client) error { _, err := c.LiftHold(ctx, "wx1"); return err },
		"GET /v1/accounts/wx%2F1/hold":      func(c client.Client) error { _, err := c.Hold(ctx, "wx/1"); return err },
		"GET /v1/events?appid=wx1&cursor=c&limit=3&since=2026-03-01T12%3A00%3A00Z": func(c client.Client) error {
			_, err := c.Events(ctx, client.EventFilter{AppID: "wx1", Cursor: "c", Limit: 3, Since: time.Unix(1772366400, 0)})
			return err
		},
		"GET /v1/jobs/j1/events": func(c client.Client) error { _, err := c.Events(ctx, client.EventFilter{Job: "j1"}); return err },
		"GET /healthz":           func(c client.Client) error { _, err := c.Health(ctx); return err },
	} {
		f := &fake{body: "{}"}
		if err := call(f.client(t)); err != nil || !slices.Equal(f.asked, []string{want}) {
			t.Errorf("asked %q, want %q; %v", f.asked, want, err)
		}
	}
}

// What the API shows of a job, a recipient and a refusal is what the contract
// has, no more and no less.
func TestDocuments_FollowTheContract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(api.OpenAPI))
	if err != nil {
		t.Fatal(err)
	}
	for schema, c := range map[string]struct {
		of      any
		without []string // of no use to a program
	}{
		"Job":          {client.Job{}, nil},
		"JobList":      {client.JobList{}, nil},
		"JobRequest":   {client.Order{}, []string{"appSecret", "dryRun"}},
		"RetryRequest": {client.Retry{}, nil},
		"PatchRequest": {client.Patch{}, nil},
		"Health":       {client.Health{}, nil},
		"Hold":         {client.Hold{}, nil},
		"Event":        {client.Event{}, nil},
		"EventList":    {client.EventList{}, nil},
		"Problem":      {client.Problem{}, []string{"type", "instance"}},
	} {
		var has []string
		for f := range reflect.TypeOf(c.of).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			has = append(has, name)
		}
		var want []string
		for name := range doc.Components.Schemas[schema].Value.Properties {
			if !slices.Contains(c.without, name) {
				want = append(want, name)
			}
		}
		slices.Sort(has)
		slices.Sort(want)
		if !slices.Equal(has, want) {
			t.Errorf("%s has\n%q, the contract\n%q", schema, has, want)
		}
	}
}

func TestClient_Refusals(t *testing.T) {
	for _, c := range []struct {
		status    int
		body      string
		code      pushd.ProblemCode
		temporary bool
		text      string
	}{
		{409, `{"code":"job_ended","detail":"job j1 has succeeded","jobId":"j1"}`, "job_ended", false, "job j1 has succeeded (job_ended, HTTP 409)"},
		{422, `{"code":"invalid_request","detail":"is past","field":"deadline"}`, "invalid_request", false, "deadline: is past (invalid_request, HTTP 422)"},
		{404, `{"code":"job_not_found","title":"No such job"}`, "job_not_found", false, "No such job (job_not_found, HTTP 404)"},
		{503, `{"code":"unavailable","detail":"stopping"}`, "unavailable", true, "stopping (unavailable, HTTP 503)"},
		{429, `{"code":"busy","detail":"later"}`, "busy", true, "later (busy, HTTP 429)"},
		{502, "<html>", "not_pushd", true, "the answer is not one of pushd's (not_pushd, HTTP 502)"},
		{301, `{"detail":"elsewhere"}`, "not_pushd", false, "the answer is not one of pushd's (not_pushd, HTTP 301)"},
	} {
		api := (&fake{status: c.status, body: c.body}).client(t)
		_, err := api.Job(t.Context(), "j1")
		if err == nil || err.Error() != c.text || client.Code(err) != c.code || client.Status(err) != c.status || client.Temporary(err) != c.temporary {
			t.Errorf("%d %s: %v, code %s, status %d, temporary %v", c.status, c.body, err, client.Code(err), client.Status(err), client.Temporary(err))
		}
		for _, err = range api.Recipients(t.Context(), "j1") {
		}
		if client.Status(err) != c.status {
			t.Errorf("recipients: %v", err)
		}
		if _, err := api.Health(t.Context()); (client.Status(err) != c.status) != (c.status == http.StatusServiceUnavailable) {
			t.Errorf("health: %v", err)
		}
	}
}

// What is no refusal has neither code nor status, and shows no password.
func TestClient_Errors(t *testing.T) {
	odd := (&fake{body: "<html>"}).client(t)
	for name, c := range map[string]client.Client{
		"no JSON":   odd,
		"nobody":    {URL: "http://user:s3cret@127.0.0.1:1/?key=s3cret", Key: "s3cret"},
		"bad":       {URL: "http://user:s3cret@[::1", Key: "s3cret"},
		"no scheme": {URL: "s3cret:s3cret", Key: "s3cret"},
	} {
		_, err := c.Job(t.Context(), "j1")
		if err == nil || client.Code(err) != "" || client.Status(err) != 0 || strings.Contains(err.Error(), "s3cret@") || strings.Contains(err.Error(), "key=") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if client.Temporary(nil) {
		t.Error("no error may be over soon")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := odd.Job(ctx, "j1"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestClient_Recipients(t *testing.T) {
	const two = `{"openid":"o1","outcome":"sent","error":null,"page":1,"messageVersion":2}` + "\n" + `{"openid":"o2","outcome":"failed","error":"43004","page":1}` + "\n"
	f := &fake{body: two}
	var got []client.Recipient
	for r, err := range f.client(t).Recipients(t.Context(), "j1", "sent", "failed") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	want := []client.Recipient{{OpenID: "o1", Outcome: "sent", Page: 1, Version: 2}, {OpenID: "o2", Outcome: "failed", Error: "43004", Page: 1}}
	if !slices.Equal(got, want) || f.asked[0] != "GET /v1/jobs/j1/recipients?outcome=sent%2Cfailed" {
		t.Errorf("got %+v by %q", got, f.asked)
	}
	for range f.client(t).Recipients(t.Context(), "j1") {
		break // whoever has seen enough stops
	}
	for name, f := range map[string]*fake{"cut off": {body: two, cut: true}, "no JSON": {body: two + "<html>\n"}} {
		n, last := 0, error(nil)
		for _, err := range f.client(t).Recipients(t.Context(), "j1") {
			n++
			last = err
		}
		if n != 3 || last == nil {
			t.Errorf("%s: %d lines, then %v", name, n, last)
		}
	}
}

func TestClient_Health(t *testing.T) {
	api := (&fake{status: 503, body: `{"status":"down","draining":true,"version":"1","parts":{"ledger":{"status":"down","text":"away"}}}`}).client(t)
	h, err := api.Health(t.Context())
	if err != nil || h.Status != pushd.Down || !h.Draining || h.Parts["ledger"].Text != "away" {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestJob_Words(t *testing.T) {
	j := client.Job{State: pushd.Parked, Reason: "quota", Sent: 1, Skipped: 2, Failed: 3, Unknown: 4, InDoubt: 5}
	if j.Standing() != "parked (quota)" || j.Done() != 10 || j.Ended() {
		t.Errorf("%s, %d, %v", j.Standing(), j.Done(), j.Ended())
	}
	if j := (client.Job{State: pushd.Succeeded}); j.Standing() != "succeeded" || !j.Ended() {
		t.Errorf("%s, %v", j.Standing(), j.Ended())
	}
}
