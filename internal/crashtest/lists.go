package crashtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// lists is what the API says of each of a job's recipients: openid to outcome.
type lists map[string]string

// lists reads all of them. Nobody may be on two.
func (w *World) lists(p *Process, j *Job) lists {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), "GET", p.URL+"/v1/jobs/"+j.ID+"/recipients", nil)
	w.must(err)
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Fatalf("recipients of job %s: %s", j.ID, resp.Status)
	}
	all := lists{}
	lines := bufio.NewScanner(io.LimitReader(resp.Body, 256<<20))
	for lines.Scan() {
		var person struct {
			OpenID  string `json:"openid"`
			Outcome string `json:"outcome"`
		}
		w.must(json.Unmarshal(lines.Bytes(), &person))
		if other, twice := all[person.OpenID]; twice {
			w.Errorf("%s is listed as %s and as %s", person.OpenID, other, person.Outcome)
		}
		all[person.OpenID] = person.Outcome
	}
	w.must(lines.Err())
	return all
}

// of is who has one of these outcomes.
func (l lists) of(outcomes ...string) (ids []string) {
	for id, outcome := range l {
		if slices.Contains(outcomes, outcome) {
			ids = append(ids, id)
		}
	}
	return ids
}

// sums counts the lists as the job's document does.
func (l lists) sums() map[string]int64 {
	sums := map[string]int64{"sent": 0, "skipped": 0, "failed": 0, "unknown": 0, "untold": 0}
	for _, outcome := range l {
		sums[outcome]++
	}
	sums["walked"] = int64(len(l))
	return sums
}

// judgeLists holds what the API says of a job that has ended against what WeChat
// knows, and returns who is lost: followers who can be told and were not, and
// whom no list of the API has for somebody who was not. Who counts as sent and got
// nothing is lost, whatever became of the job.
func (w *World) judgeLists(p *Process, j *Job, all lists) (lost []string) {
	w.Helper()
	status, body, err := p.document(j)
	if err != nil || status != http.StatusOK {
		w.Fatalf("show job %s: %d %v", j.ID, status, err)
	}
	if want := all.sums(); !maps.Equal(body.sums(), want) {
		w.Errorf("the job says %v, its lists have %v", body.sums(), want)
	}
	id := w.MsgID(j)
	for openid, outcome := range all {
		if outcome != "failed" && outcome != "skipped" {
			continue
		}
		if person, known := j.Account.Recipient(id, openid); known && person.Delivered > 0 {
			w.Errorf("%s got the message and is listed as %s", openid, outcome)
		}
	}
	for _, openid := range j.Account.Missing(id, 0) {
		outcome, walked := all[openid]
		if outcome == "sent" || !walked && body.State == "succeeded" {
			lost = append(lost, openid)
		}
	}
	return lost
}

// document is the job as the API shows it.
type document struct {
	State   string `json:"state"`
	Walked  int64  `json:"walked"`
	Sent    int64  `json:"sent"`
	Skipped int64  `json:"skipped"`
	Failed  int64  `json:"failed"`
	Unknown int64  `json:"unknown"`
	Untold  *int64 `json:"untold"`
}

func (d document) sums() map[string]int64 {
	sums := map[string]int64{"walked": d.Walked, "sent": d.Sent, "skipped": d.Skipped, "failed": d.Failed, "unknown": d.Unknown, "untold": -1}
	if d.Untold != nil {
		sums["untold"] = *d.Untold
	}
	return sums
}

func (p *Process) document(j *Job) (status int, d document, err error) {
	req, err := http.NewRequestWithContext(p.ctx, "GET", p.URL+"/v1/jobs/"+j.ID, nil)
	if err != nil {
		return 0, d, err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, d, fmt.Errorf("show job: %w", err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, d, json.NewDecoder(resp.Body).Decode(&d)
}
