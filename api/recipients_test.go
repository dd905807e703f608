package api

import (
	"errors"
	"strings"
	"testing"

	"pushd"
)

func TestServer_Recipient(t *testing.T) {
	const path = "/v1/jobs/" + theJob + "/recipients/"
	w := newWorld()
	var asked pushd.OpenID
	var person pushd.Person
	var err error
	w.jobs.RecipientFunc = func(id pushd.OpenID) (pushd.Recipient, error) {
		asked = id
		return pushd.Recipient{Person: person, Receipt: pushd.ReceiptFreqLimit}, err
	}
	t.Run("Sent", func(t *testing.T) {
		person = pushd.Person{State: pushd.PersonSent}
		const want = `{"jobId":"` + theJob + `","openid":"-oA_b","outcome":"sent","error":null,"messageVersion":null,"receipt":"freq_limit"}` + "\n"
		if got := w.get(path + "-oA_b").Body.String(); got != want || asked != "-oA_b" {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("Escaped", func(t *testing.T) {
		// What needs no escape may have one, and one more slash may follow.
		if w.get(path + "%6fA%2Bb"); asked != "oA+b" {
			t.Errorf("asked for %q", asked)
		}
	})
	t.Run("Skipped", func(t *testing.T) {
		person = pushd.Person{State: pushd.PersonSkipped, Code: 43004}
		if doc := decode[recipientDoc](t, w.get(path+"oA")); doc.Outcome != "skipped" || doc.Error == nil || *doc.Error != "43004" {
			t.Errorf("got %+v", doc)
		}
	})
	t.Run("ErrNotListedYet", func(t *testing.T) {
		err = pushd.ErrNotFound
		d := wantProblem(t, w.get(path+"oA"), 404, codeRecipientNotFound, "")
		if !strings.Contains(d.Detail, "not complete yet") {
			t.Errorf("got %s", d.Detail)
		}
	})
	t.Run("ErrDatabase", func(t *testing.T) {
		err = errors.New("connection lost")
		wantProblem(t, w.get(path+"oA"), 503, pushd.CodeUnavailable, "")
	})
	t.Run("ErrPurged", func(t *testing.T) {
		w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) {
			return pushd.Job{ID: theJob, PurgedAt: noon}, nil
		}
		for _, p := range []string{path + "oA", failuresPath} {
			if d := wantProblem(t, w.get(p), 410, codePurged, ""); !strings.Contains(d.Detail, "2026-03-01") {
				t.Errorf("got %s", d.Detail)
			}
		}
	})
	t.Run("ErrNoJob", func(t *testing.T) {
		w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return pushd.Job{}, pushd.ErrNotFound }
		wantProblem(t, w.get(path+"oA"), 404, pushd.CodeJobNotFound, "")
		wantProblem(t, w.get(failuresPath), 404, pushd.CodeJobNotFound, "")
	})
}
