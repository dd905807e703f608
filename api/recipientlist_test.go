package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pushd"
)

const failuresPath = "/v1/jobs/" + theJob + "/failures"

// unreachedPeople is a small list with everything odd in it.
func unreachedPeople(_ context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
	for _, f := range []pushd.Failure{
		{OpenID: "oA1", State: pushd.PersonFailed, Code: 47003, Page: 1},
		{OpenID: "-B2", State: pushd.PersonUnknown, Code: pushd.CodeTimeout, Page: 2},
		{OpenID: "=C3", State: pushd.PersonSkipped, Code: -1, Page: 3},
		{OpenID: "oD4", State: pushd.PersonFailed, Page: 3},
	} {
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

func TestServer_FailuresNDJSON(t *testing.T) {
	w := newWorld()
	w.jobs.FailuresFunc = unreachedPeople
	rec := w.get(failuresPath)
	const want = `{"openid":"oA1","outcome":"failed","error":"47003","page":1}
{"openid":"-B2","outcome":"unknown","error":"timeout","page":2}
{"openid":"=C3","outcome":"skipped","error":"-1","page":3}
{"openid":"oD4","outcome":"failed","error":null,"page":3}
`
	if got := rec.Header().Get("Content-Type"); rec.Body.String() != want || got != "application/x-ndjson" {
		t.Errorf("got %s\n%s\nwant\n%s", got, rec.Body, want)
	}
}

func TestServer_FailuresCSV(t *testing.T) {
	const want = "\uFEFFopenid,outcome,error,page\r\noA1,failed,47003,1\r\n'-B2,unknown,timeout,2\r\n'=C3,skipped,'-1,3\r\noD4,failed,,3\r\n"
	w := newWorld()
	w.jobs.FailuresFunc = unreachedPeople
	byHeader := request("GET", failuresPath, "", "")
	byHeader.Header.Set("Accept", "text/csv, */*;q=0.1")
	for _, r := range []*http.Request{byHeader, request("GET", failuresPath+"?format=csv", "", "")} {
		rec := w.serve(r)
		if got := rec.Header().Get("Content-Type"); rec.Body.String() != want || got != "text/csv; charset=utf-8" {
			t.Errorf("got %s\n%q\nwant\n%q", got, rec.Body, want)
		}
	}
	byHeader.URL.RawQuery = "format=ndjson"
	if rec := w.serve(byHeader); !strings.HasPrefix(rec.Body.String(), "{") {
		t.Errorf("format does not win over Accept: %s", rec.Body)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "oA": "oA", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\ta": "'\ta", "\ra": "'\ra", "\na": "'\na", "＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", "直播": "直播", "\xff": "\xff", "a=": "a=",
	} {
		if got := cell(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestServer_FailuresOutcome(t *testing.T) {
	w := newWorld()
	var got []pushd.PersonState
	w.jobs.FailuresFunc = func(_ context.Context, states []pushd.PersonState, _ func(pushd.Failure) error) error {
		got = states
		return nil
	}
	for query, want := range map[string][]pushd.PersonState{
		"":                        {pushd.PersonFailed, pushd.PersonUnknown, pushd.PersonSkipped},
		"?outcome=unknown":        {pushd.PersonUnknown},
		"?outcome=skipped,failed": {pushd.PersonSkipped, pushd.PersonFailed},
	} {
		if rec := w.get(failuresPath + query); rec.Code != 200 || !slices.Equal(got, want) {
			t.Errorf("%s: answered %d, asked for %v, want %v", query, rec.Code, got, want)
		}
	}
}

// askList asks a server on a real connection for the list of failures.
func askList(t *testing.T, w *world) *http.Response {
	t.Helper()
	server := httptest.NewServer(New(w.options))
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+failuresPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+theKey)
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// A list that breaks off must not look complete; one that never began is an
// answer like any other.
func TestServer_FailuresBreakOff(t *testing.T) {
	for _, people := range []int{0, 3, 100_000} {
		t.Run(fmt.Sprint(people), func(t *testing.T) {
			w := newWorld()
			w.jobs.FailuresFunc = func(_ context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
				for range people {
					if err := yield(pushd.Failure{OpenID: "oA1", State: pushd.PersonFailed, Code: 1, Page: 1}); err != nil {
						return err
					}
				}
				return errors.New("connection lost")
			}
			res := askList(t, w)
			_, err := io.Copy(io.Discard, res.Body)
			if began := people >= flushEvery; began && (res.StatusCode != 200 || !errors.Is(err, io.ErrUnexpectedEOF)) {
				t.Errorf("answered %d, and its end is %v", res.StatusCode, err)
			} else if !began && (res.StatusCode != 503 || err != nil) {
				t.Errorf("answered %d, and its end is %v", res.StatusCode, err)
			}
		})
	}
}

// The list comes as it is read, not at the end.
func TestServer_FailuresComeAsTheyAreRead(t *testing.T) {
	w := newWorld()
	heard := make(chan struct{})
	w.jobs.FailuresFunc = func(ctx context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
		for range flushEvery {
			if err := yield(pushd.Failure{OpenID: "oA1", State: pushd.PersonFailed, Page: 1}); err != nil {
				return err
			}
		}
		select {
		case <-heard:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	res := askList(t, w)
	lines := bufio.NewScanner(res.Body)
	for range flushEvery {
		if !lines.Scan() {
			t.Fatal("the list ended early")
		}
	}
	close(heard)
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("the end is %q, %v", lines.Text(), lines.Err())
	}
}

// A list of a million people is never held in memory, and its reader is told
// when the client is gone.
func TestServer_FailuresClientGone(t *testing.T) {
	w := newWorld()
	stopped := make(chan error, 1)
	w.jobs.FailuresFunc = func(_ context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
		for {
			if err := yield(pushd.Failure{OpenID: "oA1", State: pushd.PersonFailed, Code: 1, Page: 1}); err != nil {
				stopped <- err
				return err
			}
		}
	}
	res := askList(t, w)
	res.Body.Close()
	if err := <-stopped; err == nil {
		t.Error("the reader was not stopped")
	}
}

// Every outcome can be listed; who has none is untold.
func TestServer_Recipients(t *testing.T) {
	w := newWorld()
	var asked []pushd.PersonState
	w.jobs.FailuresFunc = func(_ context.Context, states []pushd.PersonState, yield func(pushd.Failure) error) error {
		asked = states
		for i, s := range []pushd.PersonState{pushd.PersonSent, pushd.Untouched, pushd.Refused, pushd.InDoubt} {
			if err := yield(pushd.Failure{OpenID: pushd.OpenID(fmt.Sprint("o", i)), State: s, Page: 1}); err != nil {
				return err
			}
		}
		return nil
	}
	for query, want := range map[string]int{"": 7, "?outcome=untold": 3, "?outcome=sent,untold&format=ndjson": 4, "?outcome=failed": 1} {
		r := w.get(strings.TrimSuffix(failuresPath, "failures") + "recipients" + query)
		if r.Code != 200 || len(asked) != want || strings.Count(r.Body.String(), `"untold"`) != 3 || strings.Count(r.Body.String(), `"sent"`) != 1 {
			t.Errorf("%s: %d, %d states, %s", query, r.Code, len(asked), r.Body)
		}
	}
	if r := w.get(strings.TrimSuffix(failuresPath, "failures") + "recipients?outcome=lost"); r.Code != 422 {
		t.Errorf("an unknown outcome: %d", r.Code)
	}
}
