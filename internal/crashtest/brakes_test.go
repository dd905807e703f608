package crashtest

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"pushd"
	"pushd/api/client"
)

func brakeScenarios() []scenario {
	return []scenario{
		{name: "the first N, killed before, at and after a person's yes", run: firstFewKilled},
		{name: "who refused is not asked by the next job, killed while it is learned", run: refusalsKilled},
		{name: "reminders of one account at once, in two processes that are killed", run: brakedAndKilled},
	}
}

// attempted counts the followers to whom a send was made for j.
func (w *World) attempted(j *Job) (n int) {
	w.Helper()
	msg := w.MsgID(j)
	for i := range j.Account.Followers() {
		if r, ok := j.Account.Recipient(msg, j.Account.OpenID(i)); ok && r.Requests > 0 {
			n++
		}
	}
	return n
}

// firstFewKilled kills pushd again and again while it sends to the first recipients,
// while it waits for a person, and while it sends to the rest.
func firstFewKilled(w *World) {
	const first = 300
	j := w.NewChannel(size(2500, 10_000), nil)
	p := w.Start("a")
	n := first
	job, err := p.API().Post(w.Context(), client.Order{ActID: j.Channel.ActID, AppID: j.Channel.AppID, First: &n})
	w.must(err)
	j.ID = job.ID
	kill := func() {
		p.Kill()
		w.Row.Kills++
		if got := w.attempted(j); got > first {
			w.Fatalf("%d followers were attempted before a person said yes, the first %d were asked for", got, first)
		}
		p = w.Start("a")
	}
	for range 3 {
		w.Pass(w.Between(0, 150*time.Millisecond))
		kill()
	}
	w.AwaitState(j, "paused", 30*time.Second)
	kill()
	w.Pass(time.Second) // in which it would go on
	if state, reason := w.State(j); state != "paused" || reason != string(pushd.FirstReached) {
		w.Errorf("the job is %s (%s) after the kill", state, reason)
	}
	if got := w.attempted(j); got != first {
		w.Errorf("%d followers were attempted, want %d", got, first)
	}
	w.must(w.Command(p, j, client.Resume))
	w.Pass(w.Between(0, 200*time.Millisecond))
	p.Kill()
	w.Row.Kills++
	p = w.Start("a")
	w.Finish(p, j, Verdict{Kills: int64(w.Row.Kills)})
}

// brakedAndKilled posts several reminders of one account at once to two processes,
// of which one is killed meanwhile. One a day may go out.
func brakedAndKilled(w *World) {
	w.Set("PUSHD_PER_DAY", "1")
	first := w.NewChannel(1500, nil)
	all := []*Job{first}
	for range 7 {
		other := *first
		other.Channel.ActID += 1000 + int64(len(all))
		w.must(w.AddChannel(w.Context(), other.Channel))
		all = append(all, &other)
	}
	a, b := w.Start("a"), w.Start("b")
	var posts sync.WaitGroup
	for i, j := range all {
		posts.Go(func() {
			w.must(onlyBraked(w.Post([]*Process{a, b}[i%2], j)))
		})
	}
	w.Pass(w.Between(0, 20*time.Millisecond))
	a.Kill()
	w.Row.Kills++
	posts.Wait()
	for _, j := range all { // as cron does a minute later
		w.must(onlyBraked(w.Post(b, j)))
	}
	var accepted []*Job
	for _, j := range all {
		if w.must(w.DB.QueryRow("SELECT COALESCE(MAX(id), '') FROM pushd_job WHERE actid = ?", j.Channel.ActID).Scan(&j.ID)); j.ID != "" {
			accepted = append(accepted, j)
		}
	}
	if len(accepted) != 1 {
		w.Fatalf("%d reminders were accepted, 1 a day is allowed", len(accepted))
	}
	w.Finish(b, accepted[0], Verdict{Kills: 1})
	if n := len(first.Account.Campaigns()); n != 1 {
		w.Errorf("%d reminders were sent", n)
	}
}

// onlyBraked leaves out that a brake forbids a reminder, and that its process was
// killed.
func onlyBraked(err error) error {
	var p *client.Problem
	if errors.As(err, &p) && p.Code != pushd.CodeTooManyToday {
		return err
	}
	return nil
}

// refusalsKilled kills pushd while it learns who refuses. The account's next job asks
// none of them, but for one of whom the host says that they have asked for messages.
func refusalsKilled(w *World) {
	j := w.NewChannel(size(2000, 8000), nil)
	var refusers []string
	for i := 7; i < j.Account.Followers(); i += 9 {
		if id := j.Account.OpenID(i); j.Account.SetCode(id, 43101) {
			refusers = append(refusers, id)
		}
	}
	p := w.Start("a")
	w.must(w.Post(p, j))
	for range 4 {
		w.AwaitSends(j, 1)
		w.Pass(w.Between(0, 200*time.Millisecond))
		p.Kill()
		w.Row.Kills++
		p = w.Start("a")
	}
	w.Finish(p, j, Verdict{Kills: int64(w.Row.Kills)})

	again := refusers[len(refusers)/2]
	j.Account.SetCode(again, 0)
	_, err := p.API().Raw(w.Context(), http.MethodDelete, "/v1/accounts/"+j.Channel.AppID+"/refusals/"+again, nil)
	w.must(err)
	next := *j
	next.Channel.ActID += 1000
	w.must(w.AddChannel(w.Context(), next.Channel))
	w.Row.Jobs++
	w.must(w.Post(p, &next))
	w.Finish(p, &next, Verdict{})
	asked := 0
	for _, id := range refusers {
		if r, _ := j.Account.Recipient(w.MsgID(&next), id); r.Requests > 0 && id != again {
			asked++
		}
	}
	if asked > 0 {
		w.Errorf("%d of %d were asked although they had refused", asked, len(refusers))
	}
	if r, _ := j.Account.Recipient(w.MsgID(&next), again); r.Delivered != 1 {
		w.Errorf("who has asked for messages got %d", r.Delivered)
	}
	raw, err := p.API().Raw(w.Context(), http.MethodGet, "/v1/jobs/"+next.ID+"/recipients?outcome=skipped", nil)
	w.must(err)
	if n := strings.Count(string(raw), `"refused_before"`); n != len(refusers)-1 {
		w.Errorf("%d are listed as having refused before, want %d", n, len(refusers)-1)
	}
}
