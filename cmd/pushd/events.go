package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pushd/api/client"
	"pushd/internal/settings"
)

// jobEventsCmd lists what has happened to a job, or to all.
type jobEventsCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" optional:"" help:"The job's id; without one, what has happened to all jobs and accounts."`
	AppID           string `name:"appid" help:"Only of this account."`
	Since           since  `help:"Only since: a duration such as 2h, or a time, RFC 3339."`
	Limit           int    `default:"200" help:"How many, 1 to 200."`
	output          `embed:""`
}

// Run implements the command.
func (c *jobEventsCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	filter := client.EventFilter{Job: c.ID, Limit: c.Limit}
	if c.ID == "" {
		filter.AppID, filter.Since = c.AppID, c.Since.before(time.Now())
	}
	raw, err := api.Raw(a.ctx, http.MethodGet, filter.Path(), nil)
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(a.stdout, raw)
	}
	var list client.EventList
	if err := decode(raw, &list); err != nil {
		return err
	}
	printEvents(a.stdout, list.Items, c.ID == "")
	return nil
}

// printEvents prints events as a table.
func printEvents(w io.Writer, events []client.Event, jobs bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	of := ""
	if jobs {
		of = "JOB\tACCOUNT\t"
	}
	fmt.Fprintln(t, "TIME\t"+of+"EVENT\tBY\tWHAT")
	for _, e := range events {
		if jobs {
			of = orDash(clean(e.JobID)) + "\t" + orDash(clean(e.AppID)) + "\t"
		}
		fmt.Fprintf(t, "%s\t%s%s\t%s\t%s\n", precise(&e.At), of, clean(string(e.Kind)), orDash(clean(e.By)), clean(happened(e)))
	}
	t.Flush()
}

// happened puts together what there is to say of an event.
func happened(e client.Event) string {
	var words []string
	for _, w := range []string{string(e.State), string(e.Reason), e.Detail} {
		if w != "" {
			words = append(words, w)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Figures)) {
		figure := fmt.Sprintf("%s %d", name, e.Figures[name])
		if name == "deadline" || name == "until" {
			figure = name + " " + time.Unix(e.Figures[name], 0).Local().Format("2006-01-02 15:04:05")
		}
		words = append(words, figure)
	}
	if e.Times > 1 {
		words = append(words, fmt.Sprintf("%d times until %s", e.Times, precise(e.LastAt)))
	}
	return strings.Join(words, ", ")
}

// orDash prints a text that may be empty.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
