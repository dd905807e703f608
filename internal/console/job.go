package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"pushd"
	"pushd/api/client"
	"pushd/internal/wechat"
)

// jobView is the page of one job.
type jobView struct {
	Job      client.Job
	Commands []command
	Errors   []errorLine
	Outcomes []outcome
	Receipts []outcome // empty while WeChat has said nothing
	Worries  []alarm
	Events   []eventLine
	// Done is the command that was just carried out, Failure why one was not.
	Done    string
	Failure *failure
}

// errorLine is how often WeChat gave one answer, and what it means.
type errorLine struct {
	Code    string
	Count   int64
	Verdict string // a word of the catalogue: what pushd does
	Meaning string
}

// outcome is how many recipients have one.
type outcome struct {
	Kind  string
	Count int64
}

// jobOf reads the job that the address names; if it can't be had, the page that
// says so is shown under the title.
func (c *Console) jobOf(ctx context.Context, v *visit, title string) (client.Job, bool) {
	j, err := v.api.Job(ctx, v.r.PathValue("id"))
	if err != nil {
		c.failed(v, title, "jobs", err)
	}
	return j, err == nil
}

// job is GET /console/jobs/{id}.
func (c *Console) job(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	j, ok := c.jobOf(ctx, v, "job.title")
	if !ok {
		return
	}
	view := v.jobView(ctx, j)
	if done := v.r.URL.Query().Get("done"); slices.Contains(commandNames(), done) || done == "text" {
		view.Done = done
	}
	c.showJob(v, http.StatusOK, view)
}

func (c *Console) showJob(v *visit, status int, view jobView) {
	c.show(v, status, "job", layout{Title: "job.title", Of: view.Job.ID, Tab: "jobs", Live: view.Job.State.Active()}, view)
}

func (v *visit) jobView(ctx context.Context, j client.Job) jobView {
	view := jobView{Job: j, Commands: v.commands(j), Errors: errorLines(j), Outcomes: outcomesOf(j), Receipts: receiptsOf(j), Events: v.events(ctx, j.ID)}
	by := map[string]client.Event{}
	if i := slices.IndexFunc(view.Events, func(e eventLine) bool { return e.Kind == pushd.EventPaused }); i >= 0 {
		by[j.ID] = view.Events[i].Event
	}
	view.Worries = v.worries(&j, by)
	return view
}

// outcomesOf counts a job's recipients by their outcome.
func outcomesOf(j client.Job) (all []outcome) {
	for kind, n := range map[string]int64{"sent": j.Sent, "skipped": j.Skipped, "failed": j.Failed, "unknown": j.Unknown, "untold": left(j)} {
		all = append(all, outcome{kind, n})
	}
	slices.SortFunc(all, func(a, b outcome) int {
		return cmp.Compare(slices.Index(outcomes, a.Kind), slices.Index(outcomes, b.Kind))
	})
	return all
}

// receiptsOf counts a job's recipients by what WeChat says of their message.
func receiptsOf(j client.Job) []outcome {
	r := j.Receipts
	if r == nil || r.Delivered+r.Blocked+r.Undelivered == 0 {
		return nil
	}
	return []outcome{{receipts[0], r.Delivered}, {receipts[1], r.Blocked}, {receipts[2], r.Undelivered}}
}

// receipts are the lists of recipients by receipt that a page shows.
var receipts = []string{"delivered", "blocked", "undelivered"}

// outcomes are the lists of recipients that the API has.
var outcomes = []string{"sent", "skipped", "failed", "unknown", "untold"}

// errorLines explains a job's errors, the most frequent first. What WeChat's
// errcodes mean is what the table of internal/wechat says; pushd's own codes are
// words of the catalogue.
func errorLines(j client.Job) (lines []errorLine) {
	table := wechat.Table()
	for code, count := range j.Errors {
		line := errorLine{Code: code, Count: count, Verdict: pushd.Other.String()}
		number, err := strconv.Atoi(code)
		i := slices.IndexFunc(table, func(e wechat.Entry) bool { return e.Code == number })
		switch {
		case err != nil:
			line.Verdict = ""
		case i >= 0:
			line.Verdict, line.Meaning = table[i].Verdict.String(), table[i].Meaning
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b errorLine) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	return lines
}
