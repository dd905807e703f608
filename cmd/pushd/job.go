package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"pushd"
	"pushd/api/client"
	"pushd/internal/settings"
)

// jobCmd groups the commands that speak to a running pushd.
type jobCmd struct {
	List      jobListCmd      `cmd:"" help:"List jobs, newest first."`
	Show      jobShowCmd      `cmd:"" help:"Show one job."`
	Watch     jobWatchCmd     `cmd:"" help:"Watch a job until it ends; exit code 0 only if it succeeded."`
	Pause     jobPauseCmd     `cmd:"" help:"Stop sending for now; the deadline keeps running."`
	Resume    jobResumeCmd    `cmd:"" help:"Go on with a paused job; try a parked one now."`
	Cancel    jobCancelCmd    `cmd:"" help:"End a job for good."`
	Retry     jobRetryCmd     `cmd:"" help:"Send again to the recipients of an ended job who failed."`
	Post      jobPostCmd      `cmd:"" help:"Ask for a reminder, as PHP does."`
	Continue  jobContinueCmd  `cmd:"" help:"Go on with a job that failed, expired or was canceled: to those who have not got the message."`
	Restart   jobRestartCmd   `cmd:"" help:"Restart a job from the beginning: every follower gets the message again."`
	Rate      jobRateCmd      `cmd:"" help:"Set a job's ceiling of messages a second."`
	Deadline  jobDeadlineCmd  `cmd:"" help:"Set a job's deadline."`
	Failures  jobFailuresCmd  `cmd:"" help:"List the recipients who did not get the message."`
	Recipient jobRecipientCmd `cmd:"" help:"Did this follower get the message?"`
	Events    jobEventsCmd    `cmd:"" help:"What has happened to a job, when, and by whom."`
}

// jobListCmd lists jobs.
type jobListCmd struct {
	settings.Remote `embed:""`
	State           string `help:"Only jobs in these states: queued, running, paused, parked, succeeded, failed, expired, canceled; several with commas."`
	Since           since  `help:"Only jobs created since: a duration such as 2h, or a time, RFC 3339."`
	ActID           int64  `name:"actid" help:"Only jobs of this channel."`
	AppID           string `name:"appid" help:"Only jobs of this account."`
	Limit           int    `default:"50" help:"How many, 1 to 200."`
	output          `embed:""`
}

// Run implements the command.
func (c *jobListCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	filter := client.Filter{State: c.State, ActID: c.ActID, AppID: c.AppID, Since: c.Since.before(time.Now()), Limit: c.Limit}
	raw, err := api.Raw(a.ctx, http.MethodGet, filter.Path(), nil)
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(a.stdout, raw)
	}
	var list client.JobList
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	printList(a.stdout, list.Items, list.NextCursor != "", c.wide())
	return nil
}

// jobShowCmd shows one job.
type jobShowCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
	output          `embed:""`
}

// Run implements the command.
func (c *jobShowCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	raw, err := api.Raw(a.ctx, http.MethodGet, client.JobPath(c.ID), nil)
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(a.stdout, raw)
	}
	var job client.Job
	if err := json.Unmarshal(raw, &job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	printJob(a.stdout, job)
	return nil
}

// jobPauseCmd pauses a job, or all that have not ended.
type jobPauseCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" optional:"" help:"The job's id."`
	All             bool   `help:"All jobs that have not ended. New ones start all the same: to stop everything use pushd hold set."`
	AppID           string `name:"appid" help:"With --all: only jobs of this account."`
}

// Run implements the command.
func (c *jobPauseCmd) Run(a *app) error {
	if c.All == (c.ID != "") {
		return usage("job pause: name one job by its id, or --all; see pushd job pause --help")
	}
	if !c.All {
		return tell(c.Remote, a, c.ID, client.Pause)
	}
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	paused, err := pauseAll(a, api, c.AppID)
	fmt.Fprintf(a.stdout, "paused %s\n", jobs(paused))
	return err
}

// pauseAll pauses the jobs that have not ended, however many there are, and goes
// on with the others where one can't be.
func pauseAll(a *app, api client.Client, appID string) (paused int, first error) {
	filter := client.Filter{State: "queued,running,parked", AppID: appID, Limit: 200}
	for {
		list, err := api.Jobs(a.ctx, filter)
		if err != nil {
			return paused, cmp.Or(first, err)
		}
		for _, j := range list.Items {
			switch _, err := api.Command(a.ctx, j.ID, client.Pause); {
			case err == nil:
				paused++
			case client.Code(err) != pushd.CodeJobEnded: // it has just ended
				first = cmp.Or(first, err)
				fmt.Fprintf(a.stderr, "pushd: job %s: %v\n", clean(j.ID), err)
			}
		}
		if filter.Cursor = list.NextCursor; filter.Cursor == "" {
			return paused, first
		}
	}
}

// jobResumeCmd resumes a job.
type jobResumeCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
}

// Run implements the command.
func (c *jobResumeCmd) Run(a *app) error { return tell(c.Remote, a, c.ID, client.Resume) }

// jobCancelCmd cancels a job. It asks first at a terminal.
type jobCancelCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
	Yes             bool   `short:"y" help:"Do not ask."`
}

// Run implements the command.
func (c *jobCancelCmd) Run(a *app) error {
	question := "Cancel job " + c.ID + " for good?"
	if !c.Yes && terminal(a.stdin) && !confirm(a.stdin, a.stderr, question) {
		fmt.Fprintln(a.stderr, "pushd: not canceled")
		return errSilent
	}
	return tell(c.Remote, a, c.ID, client.Cancel)
}

// jobRetryCmd retries the failed recipients of an ended job.
type jobRetryCmd struct {
	settings.Remote  `embed:""`
	ID               string    `arg:"" help:"The job's id."`
	AcceptDuplicates bool      `help:"Also those whose outcome is unknown: some may get it twice."`
	Deadline         time.Time `help:"Nothing is sent after it, RFC 3339; default: the job's."`
}

// Run implements the command.
func (c *jobRetryCmd) Run(a *app) error {
	retry := client.Retry{AcceptDuplicates: c.AcceptDuplicates}
	if !c.Deadline.IsZero() {
		retry.Deadline = c.Deadline.Unix()
	}
	return command(c.Remote, a, func(api client.Client) (client.Job, error) { return api.Retry(a.ctx, c.ID, retry) })
}

// tell gives a job a command that takes nothing more.
func tell(r settings.Remote, a *app, id string, name client.Command) error {
	return command(r, a, func(api client.Client) (client.Job, error) { return api.Command(a.ctx, id, name) })
}

// command runs a command and prints the job as it is after.
func command(r settings.Remote, a *app, run func(client.Client) (client.Job, error)) error {
	api, err := dial(r, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	job, err := run(api)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "job %s is %s\n", job.ID, standing(job))
	return nil
}

// confirm asks a question whose answer is no unless it is yes.
func confirm(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprint(out, question+" [y/N] ")
	line, _ := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}

// terminal says whether a person is at the other end of a stream.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
