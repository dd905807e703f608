package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"pushd"
)

// Job is a job as the API shows it; api/openapi.yaml explains the members.
// Pointers are nil where nothing is known.
type Job struct {
	ID             string           `json:"id"`
	MsgID          string           `json:"clientMsgId"`
	Existing       bool             `json:"existing"` // it was there before the POST
	ActID          int64            `json:"actid"`
	AppID          string           `json:"appid"`
	Audience       string           `json:"audience"`
	TemplateID     string           `json:"templateId"`
	Message        *pushd.Message   `json:"message"`
	MessageVersion int              `json:"messageVersion"`
	Messages       []MessageVersion `json:"messages"`

	State  pushd.State  `json:"state"`
	Reason pushd.Reason `json:"reason"`
	Detail string       `json:"detail"`

	Total   *int64           `json:"total"`
	Walked  int64            `json:"walked"`
	Sent    int64            `json:"sent"`
	Skipped int64            `json:"skipped"`
	Failed  int64            `json:"failed"`
	Unknown int64            `json:"unknown"`
	Untold  *int64           `json:"untold"`
	InDoubt int64            `json:"inDoubt"`
	Retries int64            `json:"retries"`
	Errors  map[string]int64 `json:"errors"`
	// Receipts is nil where they were not read: in answers to commands.
	Receipts *Receipts `json:"receipts"`

	Rate          float64    `json:"rate"` // messages/s
	RateLimit     *int       `json:"rateLimit"`
	ETA           *time.Time `json:"eta"`
	QuotaRemain   *int64     `json:"quotaRemain"`
	Shortfall     *int64     `json:"shortfall"`
	QueuePosition *int64     `json:"queuePosition"`
	First         *int       `json:"first"` // attempted before it waits for a person; nil: all
	OnlyOpenIDs   int        `json:"onlyOpenids"`
	Owner         string     `json:"owner"` // PUSHD_INSTANCE of the process that has the job

	StartTime   *time.Time `json:"startTime"`
	CreatedAt   *time.Time `json:"createdAt"`
	StartedAt   *time.Time `json:"startedAt"`
	LastSentAt  *time.Time `json:"lastSentAt"`
	FinishedAt  *time.Time `json:"finishedAt"`
	ParkedUntil *time.Time `json:"parkedUntil"`
	Deadline    *time.Time `json:"deadline"`
}

// Receipts counts a job's recipients by what WeChat says of their accepted message.
type Receipts struct {
	Delivered   int64            `json:"delivered"`
	Blocked     int64            `json:"blocked"`
	Undelivered int64            `json:"undelivered"`
	By          map[string]int64 `json:"undeliveredBy"` // the undelivered, by reason
}

// MessageVersion is what a job has sent up to a correction, or since.
type MessageVersion struct {
	Version   int           `json:"version"`
	Message   pushd.Message `json:"message"`
	CreatedAt *time.Time    `json:"createdAt"`
}

// Ended says whether the job has come to an end.
func (j Job) Ended() bool { return j.State.Ended() }

// Done counts the recipients who have an outcome.
func (j Job) Done() int64 { return j.Sent + j.Skipped + j.Failed + j.Unknown }

// Standing is the job's state, with its reason where there is one.
func (j Job) Standing() string {
	if j.Reason == "" {
		return string(j.State)
	}
	return string(j.State) + " (" + string(j.Reason) + ")"
}

// Order is what a POST asks for. The first four fields are those of PHP's
// contract; the zero value of the others leaves it to the channel and to
// pushd's settings.
type Order struct {
	ActID       int64              `json:"actid"`
	AppID       string             `json:"appid"`
	Audience    string             `json:"audience,omitempty"` // followers, subscribers or tag:ID; "" is the channel's
	Secret      string             `json:"secret,omitempty"`   // pushd has no use for it
	AccessToken string             `json:"accessToken,omitempty"`
	ExpiresIn   int                `json:"accessTokenExpiresIn,omitempty"` // s
	TemplateID  string             `json:"templateId,omitempty"`
	URL         string             `json:"url,omitempty"`
	MiniProgram *pushd.MiniProgram `json:"miniprogram,omitempty"`
	Data        map[string]string  `json:"data,omitempty"`
	Deadline    int64              `json:"deadline,omitempty"` // Unix time
	Rate        int                `json:"rate,omitempty"`     // messages/s, at most
	Continue    bool               `json:"continue,omitempty"`
	Restart     bool               `json:"restart,omitempty"`
	Job         string             `json:"job,omitempty"`   // that Continue or Restart is about; "" is whichever is there
	First       *int               `json:"first,omitempty"` // attempted before the job waits for a person; nil: as the channel says
	Force       bool               `json:"force,omitempty"` // although a brake forbids it
}

// Post asks for a reminder. Where there is a job for it already, that is
// returned, and Existing is set.
func (c Client) Post(ctx context.Context, o Order) (Job, error) {
	return call[Job](ctx, c, http.MethodPost, "/v1/jobs", o)
}

// Job reads one job.
func (c Client) Job(ctx context.Context, id string) (Job, error) {
	return call[Job](ctx, c, http.MethodGet, JobPath(id), nil)
}

// JobPath is the address of a job below the API's root.
func JobPath(id string) string { return "/v1/jobs/" + url.PathEscape(id) }

// Filter chooses jobs for a list; the zero value is the newest of all.
type Filter struct {
	State  string // or several, separated by commas
	ActID  int64
	AppID  string
	Since  time.Time // created at or after; zero: of any age
	Limit  int       // 0: 50
	Cursor string    // NextCursor of the list before
}

// Path is the address of the list below the API's root.
func (f Filter) Path() string {
	q := url.Values{}
	for name, value := range map[string]string{"state": f.State, "appid": f.AppID, "cursor": f.Cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("since", strconv.FormatInt(f.Since.Unix(), 10))
	}
	for name, value := range map[string]int64{"actid": f.ActID, "limit": int64(f.Limit)} {
		if value != 0 {
			q.Set(name, strconv.FormatInt(value, 10))
		}
	}
	return "/v1/jobs?" + q.Encode()
}

// JobList is a part of the list of jobs, the newest first.
type JobList struct {
	Items      []Job  `json:"items"`
	NextCursor string `json:"nextCursor"` // "" at the end
}

// Jobs lists jobs.
func (c Client) Jobs(ctx context.Context, f Filter) (JobList, error) {
	return call[JobList](ctx, c, http.MethodGet, f.Path(), nil)
}
