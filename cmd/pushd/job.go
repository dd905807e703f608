package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"pushd/internal/progress"
	"pushd/internal/settings"
)

// jobCmd groups the commands that speak to a running pushd.
type jobCmd struct {
	List   jobListCmd   `cmd:"" help:"List jobs, newest first."`
	Show   jobShowCmd   `cmd:"" help:"Show one job."`
	Watch  jobWatchCmd  `cmd:"" help:"Watch a job until it ends; exit code 0 only if it succeeded."`
	Pause  jobPauseCmd  `cmd:"" help:"Stop sending for now; the deadline keeps running."`
	Resume jobResumeCmd `cmd:"" help:"Go on with a paused job; try a parked one now."`
	Cancel jobCancelCmd `cmd:"" help:"End a job for good."`
	Retry  jobRetryCmd  `cmd:"" help:"Send again to the people of an ended job who failed."`
}

// record is a job as the API shows it. Times are RFC 3339.
type record struct {
	progress.Job
	ID            string           `json:"id"`
	ActID         int64            `json:"actid"`
	AppID         string           `json:"appid"`
	TemplateID    string           `json:"templateId"`
	Detail        string           `json:"detail"`
	InDoubt       int64            `json:"inDoubt"`
	Retries       int64            `json:"retries"`
	QuotaRemain   *int64           `json:"quotaRemain"`
	Shortfall     *int64           `json:"shortfall"`
	Errors        map[string]int64 `json:"errors"`
	QueuePosition *int64           `json:"queuePosition"`
	StartTime     *time.Time       `json:"startTime"`
	CreatedAt     *time.Time       `json:"createdAt"`
	StartedAt     *time.Time       `json:"startedAt"`
	FinishedAt    *time.Time       `json:"finishedAt"`
	ParkedUntil   *time.Time       `json:"parkedUntil"`
	Deadline      *time.Time       `json:"deadline"`
}

// ended says whether the job has come to an end.
func (r record) ended() bool {
	switch r.State {
	case "succeeded", "failed", "expired", "canceled":
		return true
	}
	return false
}

// path is the job's own, with a command after it.
func path(id, command string) string {
	p := "/v1/jobs/" + url.PathEscape(id)
	if command != "" {
		p += "/" + command
	}
	return p
}

// dial makes the client of a job command.
func dial(r settings.Remote, a *app) (*client, error) {
	if err := a.settled(r.Validate); err != nil {
		return nil, err
	}
	return newClient(r)
}

// jobListCmd lists jobs.
type jobListCmd struct {
	settings.Remote `embed:""`
	State           string `help:"Only jobs in this state."`
	ActID           int64  `name:"actid" help:"Only jobs of this channel."`
	AppID           string `name:"appid" help:"Only jobs of this account."`
	Limit           int    `default:"50" help:"How many, 1 to 200."`
	JSON            bool   `name:"json" help:"Print the API's answer."`
}

// Run implements the command.
func (c *jobListCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.close()
	query := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	if c.State != "" {
		query.Set("state", c.State)
	}
	if c.ActID != 0 {
		query.Set("actid", strconv.FormatInt(c.ActID, 10))
	}
	if c.AppID != "" {
		query.Set("appid", c.AppID)
	}
	raw, err := api.raw(a.ctx, http.MethodGet, "/v1/jobs?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, raw)
	}
	var page struct {
		Items      []record `json:"items"`
		NextCursor string   `json:"nextCursor"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	printList(a.stdout, page.Items, page.NextCursor != "")
	return nil
}

// jobShowCmd shows one job.
type jobShowCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
	JSON            bool   `name:"json" help:"Print the API's answer."`
}

// Run implements the command.
func (c *jobShowCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.close()
	raw, err := api.raw(a.ctx, http.MethodGet, path(c.ID, ""), nil)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, raw)
	}
	var job record
	if err := json.Unmarshal(raw, &job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	printJob(a.stdout, job)
	return nil
}

// jobPauseCmd pauses a job.
type jobPauseCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
}

// Run implements the command.
func (c *jobPauseCmd) Run(a *app) error { return send(c.Remote, a, c.ID, "pause", nil) }

// jobResumeCmd resumes a job.
type jobResumeCmd struct {
	settings.Remote `embed:""`
	ID              string `arg:"" help:"The job's id."`
}

// Run implements the command.
func (c *jobResumeCmd) Run(a *app) error { return send(c.Remote, a, c.ID, "resume", nil) }

// jobCancelCmd cancels a job. It asks first where somebody can answer.
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
	return send(c.Remote, a, c.ID, "cancel", nil)
}

// jobRetryCmd retries the failed people of an ended job.
type jobRetryCmd struct {
	settings.Remote  `embed:""`
	ID               string    `arg:"" help:"The job's id."`
	AcceptDuplicates bool      `help:"Also those whose outcome is unknown: some may be told twice."`
	Deadline         time.Time `help:"Nothing is sent after it, RFC 3339; default: the job's."`
}

// Run implements the command.
func (c *jobRetryCmd) Run(a *app) error {
	body := map[string]any{}
	if c.AcceptDuplicates {
		body["acceptDuplicates"] = true
	}
	if !c.Deadline.IsZero() {
		body["deadline"] = c.Deadline.Unix()
	}
	return send(c.Remote, a, c.ID, "retry", body)
}

// command posts a command and prints the job as it is after.
func send(r settings.Remote, a *app, id, name string, body any) error {
	api, err := dial(r, a)
	if err != nil {
		return err
	}
	defer api.close()
	var job record
	if err := api.call(a.ctx, http.MethodPost, path(id, name), body, &job); err != nil {
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

// terminal says whether somebody sits at the other end of a stream.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
