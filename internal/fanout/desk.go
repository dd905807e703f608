package fanout

import (
	"context"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// What whoever takes jobs and commands in this process needs of the engine.

// Wake makes the engine look for work at once: a job was posted or resumed.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Accepted says that a job was committed in this process; its POST is not
// answered yet.
func (e *Engine) Accepted() { e.pass(PointAccepted) }

// Follow makes the column follow a change of the job that was made just now.
// Where the platform's row can't be had so soon, the reconciler writes it.
func (e *Engine) Follow(ctx context.Context, j pushd.Job) {
	if j.State == pushd.Canceled {
		e.counters.Ended(pushd.Canceled) // by a person: no run ends it
	}
	e.house.Follow(ctx, j)
}

// Disturb notes that a message which is no job's goes to a recipient of the
// account, such as a test message.
func (e *Engine) Disturb(appID pushd.AppID) { e.accounts.Of(appID).Disturb() }

// Account asks WeChat for any account, beside the jobs.
func (e *Engine) Account() *account.Client { return e.wechat }

// Retrier repeats calls to the database, and counts them with the engine's.
func (e *Engine) Retrier() retry.Retrier { return e.retry }
