package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pushd"
)

// The marks of the secrets that come in; none may come out anywhere.
var marks = []string{"MARKEDSECRET", "MARKEDTOKEN", theKey, "MARKEDQUERY", "MARKEDPANIC"}

func wantNoMarks(t *testing.T, what, text string) {
	t.Helper()
	for _, mark := range marks {
		if strings.Contains(text, mark) {
			t.Errorf("%s holds %s: %s", what, mark, text)
		}
	}
}

// Secrets in every place where they belong, and where callers put them by
// mistake, show neither in answers nor in the log.
func TestServer_SecretsStayInside(t *testing.T) {
	full := `{"actid":42,"appid":"wx01","secret":"MARKEDSECRET","appSecret":"MARKEDSECRET","accessToken":"MARKEDTOKEN"`
	form := "actid=42&appid=wx01&secret=MARKEDSECRET&accessToken=MARKEDTOKEN"
	bodies := map[string]string{
		full + `}`:                          asJSON,
		full + `,"rate":0}`:                 asJSON,
		full + `,"unknown":"MARKEDSECRET"}`: asJSON,
		full + `,"secret":"MARKEDSECRET"}`:  asJSON,
		full + `,"dryRun":true}`:            asJSON,
		full:                                asJSON,
		full + ` `:                          asForm,
		" " + full[1:]:                      asForm, // a body as the name of a field
		form:                                asForm,
		form + "&accessToken=MARKEDTOKEN+":  asForm,
		form + "%zz":                        asForm,
		form + ";":                          asForm,
		`{"actid":42,"appid":"MARKEDSECRET MARKEDTOKEN"}`:                                                     asJSON,
		`{"actid":"MARKEDTOKEN","appid":"wx01"}`:                                                              asJSON,
		`{"actid":42,"appid":"wx01","url":"https://MARKEDSECRET:x y@h/"}`:                                     asJSON,
		`{"actid":42,"appid":"wx01","data":{"MARKEDTOKEN is no key":"a"}}`:                                    asJSON,
		`{"actid":42,"appid":"wx01","accessToken":"MARKEDTOKEN","accessTokenExpiresIn":"MARKEDTOKEN"}`:        asJSON,
		`{"actid":42,"appid":"wx01","accessToken":["MARKEDTOKEN"],"secret":{"a":{"b":{"c":"MARKEDSECRET"}}}}`: asJSON,
	}
	outcomes := map[string]func(pushd.Request) (pushd.Outcome, error){
		"accepted": func(pushd.Request) (pushd.Outcome, error) { return pushd.Outcome{Job: job(pushd.Queued)}, nil },
		// Whatever prints the whole request by mistake.
		"error": func(r pushd.Request) (pushd.Outcome, error) {
			return pushd.Outcome{}, fmt.Errorf("post %+v: %w", r, errors.New("connection lost"))
		},
		"panic": func(r pushd.Request) (pushd.Outcome, error) { panic("MARKEDPANIC " + string(r.AccessToken)) },
	}
	for name, post := range outcomes {
		for body, contentType := range bodies {
			w := newWorld()
			w.control.PostFunc = post
			w.control.EstimateFunc = func(r pushd.Request) (pushd.Estimate, error) { panic(r) }
			r := request("POST", "/v1/jobs?access_token=MARKEDQUERY", contentType, body)
			r.Header.Set("X-Request-Id", "my-request")
			rec := w.serve(r)
			wantNoMarks(t, name+": the answer", rec.Body.String()+fmt.Sprint(rec.Header()))
			wantNoMarks(t, name+": the log", w.log.String())
			if !strings.Contains(w.log.String(), `"request_id":"my-request"`) {
				t.Errorf("%s: the log does not name the request: %s", name, w.log.String())
			}
		}
	}
}

func TestServer_Panic(t *testing.T) {
	w := newWorld()
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { panic("MARKEDPANIC") }
	wantProblem(t, w.get("/v1/jobs/"+theJob), 500, codeInternal, "")
	if log := w.log.String(); !strings.Contains(log, "middleware_test.go") || !strings.Contains(log, `"status":500`) {
		t.Errorf("the log lacks the place, or the answer: %s", log)
	}
	wantNoMarks(t, "the log", w.log.String())
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) {
		none := []int{}
		return pushd.Job{}, fmt.Errorf("%d", none[3])
	}
	if w.get("/v1/jobs/" + theJob); !strings.Contains(w.log.String(), "index out of range [3]") {
		t.Errorf("the log lacks what the runtime says: %s", w.log.String())
	}
}

func TestServer_RequestID(t *testing.T) {
	w := newWorld()
	for sent, kept := range map[string]bool{"abc-1.2_3": true, "": false, "a b": false, strings.Repeat("a", 65): false, "a\"b": false} {
		r := request("GET", "/v1/jobs?limit=x", "", "")
		r.Header.Set("X-Request-Id", sent)
		rec := w.serve(r)
		id := rec.Header().Get("X-Request-Id")
		if id == "" || (id == sent) != kept {
			t.Errorf("%q becomes %q", sent, id)
		}
		if d := decode[problemDoc](t, rec); d.Instance != "urn:pushd:request:"+id {
			t.Errorf("the refusal names %q, the header %q", d.Instance, id)
		}
	}
}

func TestServer_AccessLog(t *testing.T) {
	w := newWorld()
	r := request("GET", "/v1/jobs/"+theJob+"/recipients/oA1?x=MARKEDQUERY", "", "")
	r.RemoteAddr = "192.0.2.7:1234"
	w.serve(r)
	log := w.log.String()
	for _, part := range []string{`"route":"/v1/jobs/:id/recipients/:openid"`, `"job_id":"` + theJob + `"`, `"status":200`, `"remote":"192.0.2.7"`, `"level":"INFO"`} {
		if !strings.Contains(log, part) {
			t.Errorf("the log lacks %s: %s", part, log)
		}
	}
	if strings.Contains(log, "oA1") {
		t.Errorf("the log names a person: %s", log)
	}
	w.log.Reset()
	if w.get("/healthz"); !strings.Contains(w.log.String(), `"level":"DEBUG"`) {
		t.Errorf("a probe is logged as %s", w.log.String())
	}
}

func TestServer_Headers(t *testing.T) {
	rec := newWorld().get("/v1/jobs")
	want := http.Header{"Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}}
	for key := range want {
		if rec.Header().Get(key) != want.Get(key) {
			t.Errorf("%s is %q", key, rec.Header().Get(key))
		}
	}
}

// Whoever tries keys makes a line a second, however many they try.
func TestFlood(t *testing.T) {
	var f flood
	now := time.Unix(1_000_000, 0)
	said, unsaid := 0, 0
	for range 1000 {
		if say, n := f.say(now); say {
			said, unsaid = said+1, unsaid+n
		}
		now = now.Add(5 * time.Millisecond)
	}
	if said != 5 || unsaid != 4*199 {
		t.Errorf("said %d times, %d others", said, unsaid)
	}
	w := newWorld()
	s := New(w.options)
	for range 50 {
		r := request("GET", "/v1/jobs", "", "")
		r.Header.Set("Authorization", "Bearer wrong")
		record(s, r)
	}
	if n := strings.Count(w.log.String(), `"status":401`); n == 0 || n > 10 {
		t.Errorf("%d lines of 50: %s", n, &w.log)
	}
}
