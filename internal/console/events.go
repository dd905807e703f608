package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// figure is a number of an event, by its name.
type figure struct {
	Name string
	N    int64
}

// eventLine is something that has happened, as a page shows it.
type eventLine struct {
	client.Event
	Counts []figure
}

// eventsShown is how many events of a job a page shows, the newest first.
const eventsShown = 60

// counted are the figures that are read, in their order; the others are for
// programs.
var counted = []string{"walked", "total", "sent", "skipped", "failed", "unknown", "retries", "inDoubt", "delivered", "blocked", "freq_limit", "system_failed", "other", "rate", "version", "errcode", "held", "stopped"}

// events is what has happened to a job, the newest first. A page that can't tell
// is still worth showing.
func (v *visit) events(ctx context.Context, id string) (lines []eventLine) {
	all, _, _ := v.history(ctx, client.EventFilter{Job: id})
	lines = backward(all, eventsShown)
	for i := range lines {
		lines[i].JobID, lines[i].AppID = "", "" // the page says whose they are
	}
	return lines
}

// backward are the newest of some events, the newest first.
func backward(all []client.Event, most int) (lines []eventLine) {
	for _, e := range slices.Backward(all) {
		if len(lines) == most {
			break
		}
		line := eventLine{Event: e}
		for _, name := range counted {
			if n, ok := e.Figures[name]; ok {
				line.Counts = append(line.Counts, figure{name, n})
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// happenedView is what has happened to all jobs and accounts, the newest first.
type happenedView struct {
	Since  string
	Spans  []string
	AppID  string
	Events []eventLine
	More   bool // there are more than were read, or than are shown
}

// spans are for how long back the page of all events looks, by their names.
var (
	spans    = []string{"1h", "6h", "24h", "168h"}
	allShown = 200
)

// happened is GET /console/events.
func (c *Console) happened(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	q := v.r.URL.Query()
	view := happenedView{Since: q.Get("since"), Spans: spans, AppID: strings.TrimSpace(q.Get("appid"))}
	if !slices.Contains(spans, view.Since) {
		view.Since = spans[0]
	}
	back, _ := time.ParseDuration(view.Since) // it is one of spans
	all, more, err := v.history(ctx, client.EventFilter{AppID: view.AppID, Since: c.Now().Add(-back)})
	if err != nil {
		c.failed(v, "events.title", "jobs", err)
		return
	}
	view.Events = backward(all, allShown)
	view.More = more || len(all) > allShown
	c.show(v, http.StatusOK, "events", layout{Title: "events.title", Tab: "events"}, view)
}

// historyPages bounds how many lists of events are read. A job keeps few rows of
// each kind, so for one job that is more than there are.
const historyPages = 10

// history reads events, the oldest first, as far as they can be had; more says that
// there are others behind them.
func (v *visit) history(ctx context.Context, f client.EventFilter) (all []client.Event, more bool, err error) {
	f.Limit = lookAt
	for range historyPages {
		list, err := v.api.Events(ctx, f)
		if err != nil {
			return all, true, err
		}
		all = append(all, list.Items...)
		if f.Cursor = list.NextCursor; len(list.Items) < lookAt {
			return all, false, nil
		}
	}
	return all, true, nil
}

// askedWho bounds of how many paused jobs the page "now" asks who paused them.
const askedWho = 5

// pausedBy says who paused jobs, and when.
func (v *visit) pausedBy(ctx context.Context, jobs []client.Job) map[string]client.Event {
	by := map[string]client.Event{}
	asked := 0
	for _, j := range jobs {
		if j.State != pushd.Paused || j.Reason != "" || asked == askedWho {
			continue
		}
		asked++
		for _, e := range v.events(ctx, j.ID) {
			if e.Kind == pushd.EventPaused {
				by[j.ID] = e.Event
				break
			}
		}
	}
	return by
}
