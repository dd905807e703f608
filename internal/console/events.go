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
var counted = []string{"walked", "total", "sent", "skipped", "failed", "unknown", "retries", "inDoubt", "rate", "version", "errcode", "held", "stopped"}

// events is what has happened to a job, the newest first. A page that can't tell
// is still worth showing.
func (v *visit) events(ctx context.Context, id string) (lines []eventLine) {
	list, err := v.api.Events(ctx, client.EventFilter{Job: id, Limit: lookAt})
	if err != nil {
		return nil
	}
	for _, e := range slices.Backward(list.Items) {
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
