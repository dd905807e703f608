package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"pushd/api/client"
	"pushd/internal/progress"
)

// printJSON prints an answer of the API, indented.
func printJSON(w io.Writer, raw []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(w)
	return err
}

// printList prints jobs as a table.
func printList(w io.Writer, jobs []client.Job, more, wide bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "ID\tCHANNEL\tACCOUNT\tSTATE\tSENT\tSKIPPED\tFAILED\tUNKNOWN\tOF\tCREATED"
	if wide {
		head += "\tDEADLINE\tRATE\tETA\tLAST SENT\tDETAIL"
	}
	fmt.Fprintln(t, head)
	for _, j := range jobs {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s", clean(j.ID), j.ActID, clean(j.AppID), standing(j),
			j.Sent, j.Skipped, j.Failed, j.Unknown, orUnknown(j.Total), moment(j.CreatedAt))
		if wide {
			fmt.Fprintf(t, "\t%s\t%.0f/s\t%s\t%s\t%s", moment(j.Deadline), j.Rate, moment(j.ETA), moment(j.LastSentAt), clean(j.Detail))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	if more {
		fmt.Fprintln(w, "There are more; raise --limit.")
	}
}

// printJob prints one job for a reader.
func printJob(w io.Writer, j client.Job) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, clean(fmt.Sprintf(format, args...)))
	}
	line("job", "%s", j.ID)
	line("channel", "%d", j.ActID)
	line("account", "%s", j.AppID)
	line("audience", "%s", j.Audience)
	line("template", "%s", j.TemplateID)
	line("state", "%s", standing(j))
	if j.Detail != "" {
		line("detail", "%s", j.Detail)
	}
	if j.QueuePosition != nil {
		line("in queue", "%d", *j.QueuePosition)
	}
	line("recipients", "%s, %d walked", orUnknown(j.Total), j.Walked)
	line("sent", "%d", j.Sent)
	line("skipped", "%d", j.Skipped)
	line("failed", "%d", j.Failed)
	line("unknown", "%d", j.Unknown)
	if r := j.Receipts; r != nil && r.Delivered+r.Blocked+r.Undelivered > 0 {
		line("delivered", "%d", r.Delivered)
		line("blocked", "%d", r.Blocked)
		line("undelivered", "%d", r.Undelivered)
		for _, why := range slices.Sorted(maps.Keys(r.By)) {
			line("  "+clean(why), "%d", r.By[why])
		}
	}
	if j.InDoubt > 0 {
		line("in doubt", "%d may have got it twice", j.InDoubt)
	}
	line("retries", "%d", j.Retries)
	line("rate", "%.0f/s", j.Rate)
	line("quota left", "%s", orUnknown(j.QuotaRemain))
	if j.Shortfall != nil && *j.Shortfall > 0 {
		line("short of", "%d messages", *j.Shortfall)
	}
	for _, code := range slices.Sorted(maps.Keys(j.Errors)) {
		line("error "+clean(code), "%d", j.Errors[code])
	}
	if j.ParkedUntil != nil {
		line("parked until", "%s", moment(j.ParkedUntil))
	}
	line("stream starts", "%s", moment(j.StartTime))
	line("created", "%s", moment(j.CreatedAt))
	line("started", "%s", moment(j.StartedAt))
	line("finished", "%s", moment(j.FinishedAt))
	line("deadline", "%s", moment(j.Deadline))
	if j.ETA != nil {
		line("done at", "%s%s", moment(j.ETA), late(j))
	}
	if j.LastSentAt != nil {
		line("last message", "%s", precise(j.LastSentAt))
	}
	t.Flush()
}

// standing is a job's state, with its reason where there is one.
func standing(j client.Job) string { return clean(j.Standing()) }

// moment is a time in the reader's zone.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// orUnknown prints a count that may not be known.
func orUnknown(n *int64) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprint(*n)
}

// clean keeps texts of others from moving the cursor or changing colours.
func clean(text string) string { return progress.Clean(text) }

// decode reads an answer of the API.
func decode(raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// late says that not every recipient will be reached before the deadline.
func late(j client.Job) string {
	if j.ETA == nil || j.Deadline == nil || !j.ETA.After(*j.Deadline) {
		return ""
	}
	return ", after the deadline"
}
