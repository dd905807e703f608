package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pushd/api/client"
	"pushd/internal/settings"
)

// jobPostCmd asks for a reminder.
type jobPostCmd struct {
	settings.Remote `embed:""`
	ActID           int64             `arg:"" name:"actid" help:"The channel."`
	AppID           string            `arg:"" name:"appid" help:"The Official Account."`
	Audience        string            `placeholder:"WHO" help:"Who is reminded: followers, subscribers, or tag:ID; default: what the channel says."`
	Template        string            `placeholder:"ID" help:"The template; default: the owner's."`
	URL             string            `name:"url" help:"Where a tap leads; default: the channel's page."`
	Data            map[string]string `mapsep:"none" placeholder:"FIELD=TEXT" help:"The text of a field; may be given again."`
	Deadline        time.Time         `help:"Nothing is sent after it, RFC 3339."`
	Rate            int               `help:"At most so many messages a second."`
	First           *int              `placeholder:"N" help:"Attempt so many recipients, then wait for pushd job resume; 0: all. Default: as the channel says."`
	Force           bool              `help:"Although a brake of the account forbids it."`
	DryRun          bool              `help:"Only say what would happen."`
}

// Run implements the command.
func (c *jobPostCmd) Run(a *app) error {
	order := client.Order{ActID: c.ActID, AppID: c.AppID, Audience: c.Audience, TemplateID: c.Template, URL: c.URL, Data: c.Data, Rate: c.Rate, Deadline: seconds(c.Deadline), First: c.First, Force: c.Force}
	if !c.DryRun {
		return command(c.Remote, a, func(api client.Client) (client.Job, error) { return api.Post(a.ctx, order) })
	}
	dry := struct {
		client.Order
		DryRun bool `json:"dryRun"`
	}{order, true}
	return answered(c.Remote, a, http.MethodPost, "/v1/jobs", dry)
}

// seconds is a time for the API; 0 = none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// answered makes a call and prints the API's answer.
func answered(r settings.Remote, a *app, method, path string, body any) error {
	api, err := dial(r, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	raw, err := api.Raw(a.ctx, method, path, body)
	if err != nil {
		return err
	}
	return printJSON(a.stdout, raw)
}

// again posts the reminder of a job again.
func again(r settings.Remote, a *app, id string, change func(*client.Order)) error {
	return command(r, a, func(api client.Client) (client.Job, error) {
		job, err := api.Job(a.ctx, id)
		if err != nil {
			return job, err
		}
		order := client.Order{ActID: job.ActID, AppID: job.AppID, Audience: job.Audience, Job: id}
		change(&order)
		return api.Post(a.ctx, order)
	})
}

// jobContinueCmd goes on with an ended job.
type jobContinueCmd struct {
	settings.Remote `embed:""`
	ID              string    `arg:"" help:"The job's id."`
	Deadline        time.Time `help:"Nothing is sent after it, RFC 3339; default: some time after the stream's start."`
	Rate            int       `help:"At most so many messages a second."`
}

// Run implements the command.
func (c *jobContinueCmd) Run(a *app) error {
	return again(c.Remote, a, c.ID, func(o *client.Order) { o.Continue, o.Deadline, o.Rate = true, seconds(c.Deadline), c.Rate })
}

// jobRestartCmd restarts a job from the beginning. It asks first where a terminal can answer.
type jobRestartCmd struct {
	settings.Remote `embed:""`
	ID              string    `arg:"" help:"The job's id."`
	Deadline        time.Time `help:"Nothing is sent after it, RFC 3339; default: some time after the stream's start."`
	Force           bool      `help:"Although a brake of the account forbids it."`
	Yes             bool      `short:"y" help:"Do not ask."`
}

// Run implements the command.
func (c *jobRestartCmd) Run(a *app) error {
	if !c.Yes && terminal(a.stdin) && !confirm(a.stdin, a.stderr, "Send the reminder of job "+c.ID+" to everyone again?") {
		fmt.Fprintln(a.stderr, "pushd: not restarted")
		return errSilent
	}
	return again(c.Remote, a, c.ID, func(o *client.Order) { o.Restart, o.Force, o.Deadline = true, c.Force, seconds(c.Deadline) })
}

// jobRateCmd sets a job's ceiling.
type jobRateCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
	Rate            int    `arg:"" help:"Messages a second, at most; 0 lifts the ceiling."`
}

// Run implements the command.
func (c *jobRateCmd) Run(a *app) error {
	return command(c.Remote, a, func(api client.Client) (client.Job, error) {
		return api.Patch(a.ctx, c.ID, client.Patch{Rate: &c.Rate})
	})
}

// jobDeadlineCmd sets a job's deadline.
type jobDeadlineCmd struct {
	settings.Remote `embed:""`
	ID              string    `arg:"" help:"The job's id."`
	Deadline        time.Time `arg:"" help:"Nothing is sent after it, RFC 3339, such as 2026-03-01T21:00:00+08:00."`
}

// Run implements the command.
func (c *jobDeadlineCmd) Run(a *app) error {
	return command(c.Remote, a, func(api client.Client) (client.Job, error) {
		return api.Patch(a.ctx, c.ID, client.Patch{Deadline: c.Deadline.Unix()})
	})
}

// jobFailuresCmd lists who did not get the message.
type jobFailuresCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
	Outcome         string `default:"failed,unknown,skipped" help:"Some of sent, skipped, failed, unknown and untold, separated by commas."`
	Receipt         string `help:"In place of an outcome what WeChat says of the accepted message: some of delivered, blocked, undelivered and none, separated by commas."`
}

// Run implements the command. The list may be a million long, and is printed as
// it comes.
func (c *jobFailuresCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	api.HTTP.Timeout = 0
	list := api.Recipients(a.ctx, c.ID, strings.Split(c.Outcome, ",")...)
	if c.Receipt != "" {
		list = api.RecipientsByReceipt(a.ctx, c.ID, strings.Split(c.Receipt, ",")...)
	}
	for r, err := range list {
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s\t%s\t%s\n", clean(r.OpenID), clean(r.Outcome), orDash(clean(cmp.Or(r.Error, r.Receipt))))
	}
	return nil
}

// jobRecipientCmd shows one recipient.
type jobRecipientCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
	OpenID          string `arg:"" name:"openid" help:"The follower's openid. Write -- before one that begins with a dash."`
}

// Run implements the command.
func (c *jobRecipientCmd) Run(a *app) error {
	return answered(c.Remote, a, http.MethodGet, client.JobPath(c.ID)+"/recipients/"+url.PathEscape(c.OpenID), nil)
}
