// Package control takes what operators and programs ask of pushd: a job by a POST,
// commands, an estimate, and looks at the message before anybody gets it. It
// only talks to the database, and asks WeChat what costs nothing: the work is
// that of internal/fanout, in whatever process that runs.
package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// Book is what the controller needs of the database.
type Book interface {
	pushd.Channels
	pushd.Holds
	pushd.Activities
	Now(ctx context.Context) (pushd.Time, error)
	// Installation reads the installation's row.
	Installation(ctx context.Context) (pushd.Installation, error)
	// CountHeld counts the jobs that are held because the ledger went back.
	CountHeld(ctx context.Context) (int, error)
	// Job reads one job; ErrNotFound.
	Job(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	// Active returns the channel's active job, whatever its start time;
	// ErrNotFound.
	Active(ctx context.Context, id pushd.ActID) (pushd.Job, error)
	// Newest returns the newest job (highest Run) of the reminder (id,
	// startTime); with startTime 0 that of the channel's jobs without a
	// start time. ErrNotFound.
	Newest(ctx context.Context, id pushd.ActID, startTime int64) (pushd.Job, error)
	// Create inserts a job that is queued or held, and writes status 1 for the channel in the
	// same transaction where its row can be had within a second; it sets CreatedAt. ErrExists: there is an active job
	// for the channel, or the reminder's Run is taken; nothing is written.
	Create(ctx context.Context, j pushd.Job) (pushd.Job, error)
	// Last returns the channel's newest job, whatever its start; ErrNotFound.
	Last(ctx context.Context, id pushd.ActID) (pushd.Job, error)
	// Command moves a job from one of the states From to To, in one UPDATE
	// that carries the condition. A job that is queued gets a new epoch, unless
	// its last worker still holds the lease. ErrLost: the job is in none of the
	// states, or its deadline is past and the command wants it ahead. ErrExists: the
	// channel has another active job. It returns the job as it is after.
	Command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error)
}

// Workers are those who work on jobs. They may be in another process, and find
// out by itself, but later.
type Workers interface {
	// Wake makes them look for work at once.
	Wake()
	// Accepted says that a job is committed; its POST is not answered yet.
	Accepted()
	// Follow makes live_notify_status follow a change of the job that was made
	// just now.
	Follow(ctx context.Context, j pushd.Job)
	// Disturb says that a message which is no job's goes to a recipient of the
	// account.
	Disturb(appID pushd.AppID)
}

// Config is what the package is set to, once.
type Config struct {
	Workers Workers
	Account *account.Client
	Tokens  pushd.Tokens
	Retry   retry.Retrier

	DedupWindow time.Duration // how long a repeated send is safe
	Grace       time.Duration // default deadline after the start
	Location    *time.Location
	Rate        int // ceiling per account, messages/s; 0 = none
	TotalRate   int // ceiling of the whole process, messages/s; 0 = none
	// Brakes are those of channels that have none of their own.
	Brakes pushd.Brakes
}

// Controller takes POSTs and commands.
type Controller struct {
	book Book
	cfg  Config
}

// NewController makes a controller.
func NewController(book Book, cfg Config) *Controller { return &Controller{book, cfg} }

// channelProblem words a failed look at a channel for who asked for it.
func channelProblem(err error, id pushd.ActID) error {
	if errors.Is(err, pushd.ErrNotFound) {
		return &pushd.Problem{Code: pushd.CodeChannelNotFound, Field: "actid", Text: fmt.Sprintf("channel %d does not exist", id)}
	}
	if bad := pushd.BadChannel(err); bad != nil {
		return &pushd.Problem{Code: pushd.CodeChannelInvalid, Field: bad.Column, Text: fmt.Sprintf("%s of channel %d %s", bad.Column, id, bad.Text)}
	}
	return err
}
