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

// What is decided at a limit: at it, and one beyond it.

func TestServer_ChallengeSaysWhetherThereWasAKey(t *testing.T) {
	w := newWorld()
	for key, want := range map[string]string{"": `Bearer realm="pushd"`, "wrong": `Bearer realm="pushd", error="invalid_token"`} {
		r := request("GET", "/v1/jobs", "", "")
		if r.Header.Del("Authorization"); key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		if got := w.serve(r).Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("key %q: challenge %q, want %q", key, got, want)
		}
	}
}

func TestServer_BodyToTheByte(t *testing.T) {
	body := `{"actid":42,"appid":"wx01"}`
	for size, want := range map[int]int{maxBody: http.StatusAccepted, maxBody + 1: http.StatusRequestEntityTooLarge} {
		padded := body + strings.Repeat(" ", size-len(body))
		for _, known := range []bool{true, false} {
			w := newWorld()
			r := request("POST", "/v1/jobs", asJSON, padded)
			if !known {
				r.ContentLength = -1
			}
			if got := w.serve(r).Code; got != want {
				t.Errorf("%d bytes, length known %t: %d, want %d", size, known, got, want)
			}
		}
	}
}

func TestServer_DataToTheField(t *testing.T) {
	for n, want := range map[int]int{maxData: http.StatusAccepted, maxData + 1: http.StatusUnprocessableEntity} {
		var fields []string
		for i := range n {
			fields = append(fields, fmt.Sprintf(`"thing%d":"a"`, i+1))
		}
		w := newWorld()
		if got := w.postJSON("/v1/jobs", `{"actid":42,"appid":"wx01","data":{`+strings.Join(fields, ",")+`}}`).Code; got != want {
			t.Errorf("%d fields: %d, want %d", n, got, want)
		}
	}
}

func TestServer_FormGivesAFieldTwice(t *testing.T) {
	for _, more := range []string{"data[thing1]=a&data=b", "data=b&data[thing1]=a", "data[thing1]=a&data[thing1]=b", "data[thing1][value]=a&data[thing1]=b"} {
		w := newWorld()
		rec := w.serve(request("POST", "/v1/jobs", asForm, "actid=42&appid=wx01&"+more))
		if rec.Code < 400 || !strings.Contains(rec.Body.String(), "given twice") {
			t.Errorf("%s: %d %s", more, rec.Code, rec.Body)
		}
	}
}

func TestServer_JobURLIsHTTP(t *testing.T) {
	for url, want := range map[string]int{
		"http://live.example/1": http.StatusAccepted, "https://live.example/1": http.StatusAccepted,
		"ftp://live.example/1": http.StatusUnprocessableEntity, "http://": http.StatusUnprocessableEntity, "http://[::1": http.StatusUnprocessableEntity,
	} {
		w := newWorld()
		if got := w.postJSON("/v1/jobs", `{"actid":42,"appid":"wx01","url":"`+url+`"}`).Code; got != want {
			t.Errorf("%s: %d, want %d", url, got, want)
		}
	}
}

func TestServer_TextsURLHasAHost(t *testing.T) {
	for url, want := range map[string]int{
		"": http.StatusOK, "{{url}}": http.StatusOK, "https://live.example/1": http.StatusOK,
		"https://:80/": http.StatusUnprocessableEntity, "https://[::1": http.StatusUnprocessableEntity,
	} {
		w := newWorld()
		rec := w.serve(request("PUT", "/v1/accounts/wx01/templates/t1", asJSON, `{"url":"`+url+`","fields":{"thing1":"a"}}`))
		if rec.Code != want {
			t.Errorf("%q: %d, want %d: %s", url, rec.Code, want, rec.Body)
		}
	}
}

func TestServer_NamesInTheAddressToTheByte(t *testing.T) {
	for n, want := range map[int]int{namePattern.max: http.StatusOK, namePattern.max + 1: http.StatusNotFound} {
		w := newWorld()
		if got := w.get("/v1/accounts/" + strings.Repeat("w", n) + "/templates").Code; got != want {
			t.Errorf("%d bytes: %d, want %d", n, got, want)
		}
	}
}

func TestServer_QueuePositionIsNotKnown(t *testing.T) {
	w := newWorld()
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return job(pushd.Queued), nil }
	w.get("/v1/jobs/" + string(theJob))
	if strings.Contains(w.log.String(), "queue position not known") {
		t.Error("it is known")
	}
	w.jobs.PositionFunc = func(pushd.JobID) (int, error) { return 0, errors.New("connection lost") }
	rec := w.get("/v1/jobs/" + string(theJob))
	if rec.Code != http.StatusOK || !strings.Contains(w.log.String(), "queue position not known") {
		t.Errorf("%d, log %s", rec.Code, w.log.String())
	}
}

func TestServer_RateAtTheLeasesEnd(t *testing.T) {
	for _, tc := range []struct {
		name   string
		leased pushd.Time
		rate   float64
		want   float64
	}{
		{"Ends", noon, 12.34, 12.3}, {"Ended", noon - 1, 12.34, 0}, {"Nothing", noon.Add(time.Second), 0, 0}, {"Odd", noon, -1, 0},
	} {
		j := job(pushd.Running)
		j.Now, j.Leased, j.SendRate = noon, tc.leased, tc.rate
		s := &Server{Options: Options{Live: func(pushd.JobID) (float64, bool) { return 0, false }}}
		if got := s.rate(j); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestETA_Limits(t *testing.T) {
	j := job(pushd.Running)
	j.Walk.Complete, j.Walk.Walked = true, 800 // 400 left
	year := (365 * 24 * time.Hour).Seconds()
	if got := moment(j.ETA(400 / year)); got == nil {
		t.Error("a year is too long")
	}
	if got := moment(j.ETA(400 / (year + 1))); got != nil {
		t.Errorf("more than a year is %v", got)
	}
	if j.Walk.Walked = 400; moment(j.ETA(10)) != nil {
		t.Error("there is nobody left")
	}
	if j.Walk.Walked = 401; moment(j.ETA(10)) == nil {
		t.Error("there is somebody left")
	}
}

func TestMoment_Limits(t *testing.T) {
	for at, known := range map[time.Time]bool{
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC): true, time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC): false,
		time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC): true, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC): false,
	} {
		if got := moment(pushd.Time(at.UnixMicro())); (got != nil) != known {
			t.Errorf("%v: %v", at, got)
		}
	}
}

func TestValidPrefix(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "中": 3, "a\xff": 1, "中\xe4\xb8": 3, "\xff": 0, "\ufffd": 3} {
		if got := validPrefix([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
