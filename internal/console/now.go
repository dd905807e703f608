package console

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// nowView is the page "now".
type nowView struct {
	Alarms  []alarm
	Health  *client.Health
	Running []client.Job
	Waiting []client.Job // paused, parked
	Queued  []client.Job
	Ended   []client.Job // lately, the newest first
	Rate    float64      // messages/s of all
	Left    int64        // recipients of active jobs without an outcome
	Hour    chart
	Soon    []pushd.Due // to be posted within the hour
	Over    []pushd.Due // should have been posted
	Braked  []pushd.Due // should have been, and a brake refuses them
	Due     bool        // somebody can say what is due
	NoDue   string      // why not now
	More    bool        // there are more active jobs than were looked at
}

// alarm is something that is wrong, or will be.
type alarm struct {
	Bad  bool // now; else it is worth a look
	Text string
	Job  *client.Job
	Page string // of the console, where something can be done about it
}

// remedies are the pages where something can be done about a part of the health.
var remedies = map[string]string{"hold": Root + "stop", "ledger": Root + "restore", "token_endpoint": Root + "account"}

// lookAt is how many active jobs the page looks at, and ended how many ended ones
// it shows.
const lookAt, endedShown = 200, 8

// now is the page that is looked at first.
func (c *Console) now(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	view, err := c.look(ctx, v)
	if err != nil {
		c.failed(v, "now.title", "now", err)
		return
	}
	c.show(v, http.StatusOK, "now", layout{Title: "now.title", Tab: "now", Live: true}, view)
}

// look gathers what is going on.
func (c *Console) look(ctx context.Context, v *visit) (view nowView, err error) {
	health, err := v.api.Health(ctx)
	if err != nil {
		return view, err
	}
	view.Health, view.Hour = &health, hourOf(v.o.Hour(), v.o.Now())
	if view.Due = v.o.Due != nil; view.Due {
		var over []pushd.Due
		var err error
		if view.Soon, over, err = v.o.Due(ctx); err != nil {
			view.NoDue = err.Error()
		}
		for _, d := range over {
			if d.Braked {
				view.Braked = append(view.Braked, d)
			} else {
				view.Over = append(view.Over, d)
			}
		}
	}
	active, err := v.api.Jobs(ctx, client.Filter{State: states(pushd.ActiveStates), Limit: lookAt})
	if err != nil {
		return view, err
	}
	ended, err := v.api.Jobs(ctx, client.Filter{State: states(pushd.EndedStates), Limit: 50})
	if err != nil {
		return view, err
	}
	view.More = active.NextCursor != ""
	for _, j := range active.Items {
		view.Rate += j.Rate
		view.Left += left(j)
		switch j.State {
		case pushd.Running:
			view.Running = append(view.Running, j)
		case pushd.Queued:
			view.Queued = append(view.Queued, j)
		default:
			view.Waiting = append(view.Waiting, j)
		}
	}
	for _, jobs := range [][]client.Job{view.Running, view.Waiting, view.Queued} {
		slices.SortStableFunc(jobs, byDeadline)
	}
	view.Ended = ended.Items[:min(len(ended.Items), endedShown)]
	view.Alarms = v.alarms(view, ended.Items, v.pausedBy(ctx, view.Waiting))
	return view, nil
}

// states joins states as the API's filter wants them.
func states(all []pushd.State) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// byDeadline puts the job first that has least time.
func byDeadline(a, b client.Job) int {
	switch {
	case a.Deadline == nil || b.Deadline == nil:
		return cmp.Compare(stamp(b.Deadline), stamp(a.Deadline))
	}
	return a.Deadline.Compare(*b.Deadline)
}

// alarms says what is wrong, the worst first.
func (v *visit) alarms(view nowView, ended []client.Job, pausedBy map[string]client.Event) (all []alarm) {
	for _, name := range slices.Sorted(maps.Keys(view.Health.Parts)) {
		if p := view.Health.Parts[name]; p.Status != pushd.OK {
			text := v.word("part", name) + ": " + v.word("level", p.Status)
			if p.Text != "" {
				text = v.word("part", name) + ": " + p.Text
			}
			all = append(all, alarm{Bad: p.Status == pushd.Down, Text: text, Page: remedies[name]})
		}
	}
	if n := len(view.Over); n > 0 {
		all = append(all, alarm{Bad: true, Text: v.t("alarm.overdue", number(n))})
	} else if n, known := v.o.Overdue(); known && n.Missed > 0 {
		all = append(all, alarm{Bad: true, Text: v.t("alarm.overdue", number(n.Missed))})
	}
	if view.Health.Parts["only_openids"].Text != "" {
		all = append(all, alarm{Text: v.t("alarm.only")})
	}
	for _, jobs := range [][]client.Job{view.Running, view.Waiting, view.Queued} {
		for i := range jobs {
			all = append(all, v.worries(&jobs[i], pausedBy)...)
		}
	}
	for i := range ended {
		j := &ended[i]
		recent := j.FinishedAt != nil && v.o.Now().Sub(*j.FinishedAt) < recently
		if recent && (j.State == pushd.Failed || j.State == pushd.Expired) {
			all = append(all, alarm{Text: v.t("alarm.ended", v.word("state", j.State), v.word("reason", j.Reason), number(left(*j)+j.Failed)), Job: j})
		}
	}
	slices.SortStableFunc(all, func(a, b alarm) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// dueShown is how many reminders that are due a page shows.
const dueShown = 20

// Most are the first of a list of reminders.
func (nowView) Most(of []pushd.Due) []pushd.Due { return of[:min(len(of), dueShown)] }

// Rest is how many there are beside them.
func (nowView) Rest(of []pushd.Due) int { return max(len(of)-dueShown, 0) }

// recently is for how long a job that ended badly is news.
const recently = 12 * time.Hour

// soon is how near a deadline is when a job that waits becomes an alarm.
const soon = 15 * time.Minute

func rank(a alarm) int {
	if a.Bad {
		return 0
	}
	return 1
}

// worries are what is wrong, or will be, with a job that has not ended. pausedBy
// has the events by which jobs were paused, as far as they are known.
func (v *visit) worries(j *client.Job, pausedBy map[string]client.Event) (all []alarm) {
	if late(*j) {
		all = append(all, alarm{Bad: true, Text: v.t("alarm.late", v.when(j.ETA), v.when(j.Deadline)), Job: j})
	}
	if short(*j) {
		all = append(all, alarm{Bad: true, Text: v.t("alarm.short", number(*j.Shortfall)), Job: j})
	}
	if j.State != pushd.Parked && j.State != pushd.Paused {
		return all
	}
	text := v.t("alarm."+string(j.State), v.word("reason", j.Reason), number(left(*j)))
	if e, known := pausedBy[j.ID]; j.Reason == "" && known && e.By != "" {
		text = v.t("alarm.paused.by", e.By, v.when(&e.At), number(left(*j)))
	} else if j.Reason == "" {
		text = v.t("alarm.paused.plain", number(left(*j)))
	}
	bad := j.Deadline != nil && (j.Deadline.Sub(v.o.Now()) < soon || j.ParkedUntil != nil && j.ParkedUntil.After(*j.Deadline))
	return append(all, alarm{Bad: bad, Text: text, Job: j})
}
