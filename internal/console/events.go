package console

import (
	"context"
	"slices"

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

// counted are the figures that people read, in their order; the others are for
// programs.
var counted = []string{"walked", "total", "sent", "skipped", "failed", "unknown", "retries", "inDoubt", "delivered", "blocked", "freq_limit", "system_failed", "other", "rate", "version", "errcode", "held", "stopped"}

// events is what has happened to a job, the newest first. A page that can't tell
// is still worth showing.
func (v *visit) events(ctx context.Context, id string) (lines []eventLine) {
	for _, e := range slices.Backward(v.history(ctx, id)) {
		if len(lines) == eventsShown {
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

// historyPages bounds how many lists of events of one job are read. A job keeps
// few rows of each kind, so that is more than there are.
const historyPages = 10

// history reads the events of a job, the oldest first, as far as they can be had.
func (v *visit) history(ctx context.Context, id string) (all []client.Event) {
	f := client.EventFilter{Job: id, Limit: lookAt}
	for range historyPages {
		list, err := v.api.Events(ctx, f)
		if err != nil {
			break
		}
		all = append(all, list.Items...)
		if f.Cursor = list.NextCursor; len(list.Items) < lookAt {
			break
		}
	}
	return all
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
