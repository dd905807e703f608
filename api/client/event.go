package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"pushd"
)

// Event is something that has happened to a job, or to an account;
// api/openapi.yaml explains the members.
type Event struct {
	ID      int64            `json:"id"`
	At      time.Time        `json:"at"`
	JobID   string           `json:"jobId"` // "": an account's, or everything's
	AppID   string           `json:"appid"` // "": everything's
	Kind    pushd.EventKind  `json:"kind"`
	By      string           `json:"by"`
	State   pushd.State      `json:"state"`
	Reason  pushd.Reason     `json:"reason"`
	Detail  string           `json:"detail"`
	Figures map[string]int64 `json:"figures"`
	Times   int              `json:"times"`
	LastAt  *time.Time       `json:"lastAt"`
}

// EventList is a part of the list of events, the oldest first.
type EventList struct {
	Items      []Event `json:"items"`
	NextCursor string  `json:"nextCursor"` // where to go on
}

// EventFilter chooses events; the zero value is the oldest of all.
type EventFilter struct {
	Job    string // "": of all
	AppID  string
	Since  time.Time // of all jobs
	Limit  int       // 0: 50
	Cursor string    // NextCursor of the list before
}

// Path is the address of the list below the API's root.
func (f EventFilter) Path() string {
	q := url.Values{}
	for name, value := range map[string]string{"appid": f.AppID, "cursor": f.Cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339))
	}
	if f.Limit != 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	path := "/v1/events"
	if f.Job != "" {
		path = JobPath(f.Job) + "/events"
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Events lists what has happened.
func (c Client) Events(ctx context.Context, f EventFilter) (EventList, error) {
	return call[EventList](ctx, c, http.MethodGet, f.Path(), nil)
}
