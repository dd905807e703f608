package crashtest

import (
	"maps"
	"slices"

	"pushd"
	"pushd/api/client"
)

// lists is what the API says of each of a job's recipients: openid to outcome.
type lists map[string]string

// lists reads all of them. Nobody may be on two.
func (w *World) lists(p *Process, j *Job) lists {
	w.Helper()
	all := lists{}
	for person, err := range p.API().Recipients(w.Context(), j.ID) {
		w.must(err)
		if other, twice := all[person.OpenID]; twice {
			w.Errorf("%s is listed as %s and as %s", person.OpenID, other, person.Outcome)
		}
		all[person.OpenID] = person.Outcome
	}
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
	body, err := p.API().Job(w.Context(), j.ID)
	w.must(err)
	if says, want := sums(body), all.sums(); !maps.Equal(says, want) {
		w.Errorf("the job says %v, its lists have %v", says, want)
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
		if outcome == "sent" || !walked && body.State == pushd.Succeeded {
			lost = append(lost, openid)
		}
	}
	return lost
}

// sums are those of the job's document.
func sums(j client.Job) map[string]int64 {
	sums := map[string]int64{"walked": j.Walked, "sent": j.Sent, "skipped": j.Skipped, "failed": j.Failed, "unknown": j.Unknown, "untold": -1}
	if j.Untold != nil {
		sums["untold"] = *j.Untold
	}
	return sums
}
