package main

import (
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"pushd/api/client"
	"pushd/internal/settings"
)

// holdCmd groups the commands about holds; alone it sets one.
type holdCmd struct {
	Set  holdSetCmd  `cmd:"" default:"withargs" help:"Stop everything, or one account, until an operator lifts it."`
	Show holdShowCmd `cmd:"" help:"Show what is held."`
	Lift holdLiftCmd `cmd:"" help:"Lift a hold; what waited goes on."`
}

// holdOf is what all of them take.
type holdOf struct {
	settings.Remote `embed:""`
	Account         string `placeholder:"APPID" help:"One account; default: everything."`
	output          `embed:""`
}

// holdSetCmd sets a hold. It does not ask first: the operator may be in a hurry, and
// a hold can be lifted.
type holdSetCmd struct {
	holdOf `embed:""`
	Reason string `help:"Why, for whoever looks at it later."`
}

// Run implements the command.
func (c *holdSetCmd) Run(a *app) error {
	body := map[string]string{}
	if c.Reason != "" {
		body["reason"] = c.Reason
	}
	return c.call(a, http.MethodPut, body)
}

// holdShowCmd shows a hold.
type holdShowCmd struct {
	holdOf `embed:""`
}

// Run implements the command.
func (c *holdShowCmd) Run(a *app) error { return c.call(a, http.MethodGet, nil) }

// holdLiftCmd lifts a hold.
type holdLiftCmd struct {
	holdOf `embed:""`
}

// Run implements the command.
func (c *holdLiftCmd) Run(a *app) error { return c.call(a, http.MethodDelete, nil) }

func (c *holdOf) call(a *app, method string, body any) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	raw, err := api.Raw(a.ctx, method, client.HoldPath(c.Account), body)
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(a.stdout, raw)
	}
	var h client.Hold
	if err := decode(raw, &h); err != nil {
		return err
	}
	printHold(a.stdout, h)
	return nil
}

// printHold prints a hold for a reader.
func printHold(w io.Writer, h client.Hold) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, clean(fmt.Sprintf(format, args...)))
	}
	what := "everything"
	if h.AppID != "" {
		what = "account " + h.AppID
	}
	switch {
	case h.Existing:
		line(what, "is held; it was before")
	case h.Held:
		line(what, "is held")
	case h.Everything:
		line(what, "is not held for itself, but everything is")
	default:
		line(what, "is not held")
	}
	if h.Held {
		line("since", "%s, by %s", precise(h.Since), h.By)
		line("reason", "%s", h.Reason)
		line("stopped", "%s", jobs(h.Stopped))
	}
	if h.Held || h.Everything {
		line("stopping", "%s", jobs(h.Stopping))
		line("waiting", "%s", jobs(h.Waiting))
	}
	line("last message", "%s", precise(h.LastSentAt))
	for _, one := range h.Accounts {
		line("account "+clean(one.AppID), "is held since %s, by %s: %s", precise(one.Since), one.By, one.Reason)
	}
	if h.WentBack > 0 {
		line("one by one", "%s held because the ledger went back; resume or cancel each", jobs(h.WentBack))
	}
	t.Flush()
}

// jobs is so many of them.
func jobs(n int) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprintf("%d jobs", n)
}

// precise is a moment to the millisecond in the reader's zone.
func precise(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05.000")
}
