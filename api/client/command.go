package client

import (
	"context"
	"net/http"

	"pushd"
)

// Command is what can be asked of a job that takes nothing more.
type Command string

// The commands.
const (
	Pause  Command = "pause"
	Resume Command = "resume"
	Cancel Command = "cancel"
)

// Command tells a job something, and returns the job as it is after.
func (c Client) Command(ctx context.Context, id string, name Command) (Job, error) {
	return call[Job](ctx, c, http.MethodPost, JobPath(id)+"/"+string(name), nil)
}

// Retry is how an ended job is to be tried again.
type Retry struct {
	AcceptDuplicates bool  `json:"acceptDuplicates,omitempty"` // also those whose outcome is unknown
	Deadline         int64 `json:"deadline,omitempty"`         // Unix time; 0: the job's
}

// Retry sends again to the recipients of an ended job who failed.
func (c Client) Retry(ctx context.Context, id string, r Retry) (Job, error) {
	return call[Job](ctx, c, http.MethodPost, JobPath(id)+"/retry", r)
}

// Patch is a correction of a job. What is nil or empty stays as it is; what is
// sent can be corrected only of a job that is paused.
type Patch struct {
	Rate        *int               `json:"rate,omitempty"`     // messages/s, at most; 0: no limit of its own
	Deadline    int64              `json:"deadline,omitempty"` // Unix time
	TemplateID  string             `json:"templateId,omitempty"`
	URL         string             `json:"url,omitempty"`
	MiniProgram *pushd.MiniProgram `json:"miniprogram,omitempty"`
	Data        map[string]*string `json:"data,omitempty"` // nil takes a field back
}

// Patch corrects a job.
func (c Client) Patch(ctx context.Context, id string, p Patch) (Job, error) {
	return call[Job](ctx, c, http.MethodPatch, JobPath(id), p)
}
