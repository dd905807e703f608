package pushd

import (
	"context"
	"errors"
)

// Errors of the ledger. Everything else that a ledger returns means that the
// database did not answer: the call may be repeated, for every write is
// idempotent.
var (
	// ErrLost says that the lease is not current any more, or that the job
	// is no longer in a state in which the write makes sense. Nothing was
	// written.
	ErrLost = errors.New("lease lost")
	// ErrAccountBusy says that another job of the same account is running.
	ErrAccountBusy = errors.New("account busy")
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrExists says that the job to be made is there already.
	ErrExists = errors.New("exists already")
)

// Pages is the part of the ledger that holds one job's recipients: who they are
// (pages, never changed) and what became of each (progress, by page).
type Pages interface {
	// StorePage stores a page of followers and where the walk stands after
	// it, in one transaction. ErrExists: that page number is stored (an
	// answer was lost); the caller reads the job again. ErrLost also where the
	// page before it is not there any more.
	StorePage(ctx context.Context, l Lease, p Page, w Walk) error
	// SaveWalk stores where the walk stands, without a page.
	SaveWalk(ctx context.Context, l Lease, w Walk) error
	// StartOver removes the pages and their progress, and sets the walk back to
	// its beginning, in one transaction. passAt is when the pass began that is
	// forgotten: ErrLost if another one has begun.
	StartOver(ctx context.Context, l Lease, passAt Time) error
	// Progress reads the progress of pages from..to (inclusive), in order.
	Progress(ctx context.Context, id JobID, from, to int) ([]Progress, error)
	// People reads up to limit bytes of a page's openids from byte offset
	// on: openids, each followed by a newline. It may cut the last one, and
	// returns less than limit only at the page's end.
	People(ctx context.Context, id JobID, page int, offset, limit int) ([]byte, error)
	// Record writes the progress of some pages, absolutely. Each row is one
	// UPDATE that carries the epoch; ErrLost if any row has another, or the job has
	// ended and has no worker: its sums are stored.
	Record(ctx context.Context, l Lease, rows []Progress) error
}

// Notes is the part of the ledger for what a worker learns about its job.
type Notes interface {
	// Reload reads the job.
	Reload(ctx context.Context, id JobID) (Job, error)
	// Last returns the channel's newest job, whatever its start; ErrNotFound.
	Last(ctx context.Context, id ActID) (Job, error)
	// SaveMessage stores the message that the job sends, the template it
	// names, and the channel's facts it was made from (start, deadline). It
	// returns the message's version: that of the last one if it is the same,
	// else the next.
	SaveMessage(ctx context.Context, l Lease, m Prepared) (version int, err error)
	// SaveQuota stores what is known of today's quota; nil is unknown.
	SaveQuota(ctx context.Context, l Lease, remain, shortfall *int64) error
	// SaveSent stores when a send was last started, whatever the job's state; an
	// earlier time than what is stored, or a lease that is lost, changes nothing
	// and is no error.
	SaveSent(ctx context.Context, l Lease, at Time) error
	// Finish ends a running job, and writes live_notify_status in the same
	// transaction, where the platform's row can be had within a second and the
	// channel's start is still the job's. Succeeded is refused with ErrIncomplete unless the walk
	// is complete and sent + skipped + failed + unknown = everyone stored.
	// ErrLost: not running under l any more, or it has expired and its deadline was moved.
	// A hold that comes with the end is set in the same transaction.
	Finish(ctx context.Context, l Lease, e Ending) error
}

// ErrIncomplete says that the ledger does not account for everyone, so the
// job cannot have succeeded.
var ErrIncomplete = errors.New("the ledger does not account for everyone")

// Channels reads the platform's tables.
type Channels interface {
	// Channel reads a channel by PUSHD_CHANNEL_QUERY; ErrNotFound if it
	// gives no row. A *ChannelError, if what it gives can't be used: then the
	// channel has what could be read.
	Channel(ctx context.Context, id ActID) (Channel, error)
	// Subscribers reads up to limit of those who asked for a channel's stream, by
	// PUSHD_AUDIENCE_QUERY: the openids behind after, ascending byte by byte. A
	// page of less than limit is the last. An *AudienceError, if the query is not
	// set, is refused by the database, or gives what can't be used.
	Subscribers(ctx context.Context, id ActID, after OpenID, limit int) (FollowerPage, error)
	// Texts reads what the owner wrote for a template (pushd_template);
	// ErrNotFound if nothing.
	Texts(ctx context.Context, appID AppID, id TemplateID) (Texts, error)
}

// Ledger is what the engine needs of the database.
type Ledger interface {
	Leases
	Pages
	Notes
	Channels
	Housekeeping
	Counting
	Holds
	Events
	Refusals
}

// Housekeeping is what a running daemon does beside the jobs.
type Housekeeping interface {
	// Working lists the active jobs, by channel, for the reconciler: of a
	// reminder, a channel's start, its newest job alone. It reads in pages: after
	// is the channel of the last job of the page before. The jobs have what
	// LiveNotifyStatus and CorrectStatus need, and the counts are those stored
	// with them.
	Working(ctx context.Context, after ActID, limit int) ([]Job, error)
	// Ended lists the jobs that ended after a mark and before until, in the order
	// of the marks that they leave, as Working does.
	Ended(ctx context.Context, after EndMark, until Time, limit int) ([]Job, error)
	// Statuses reads live_notify_status of many channels at once. Where it is not
	// known that way there is none: with a PUSHD_CHANNEL_QUERY of any channel.
	Statuses(ctx context.Context, ids []ActID) (map[ActID]int, error)
	// CorrectStatus writes live_notify_status of seen's channel, if the job is
	// still in the state it was seen in and the newest of its reminder, and the
	// channel's start is still start, all in one transaction: a finish, a new job
	// or a save of the channel that comes meanwhile wins. Where the job has
	// another start than the channel, it has to be the channel's newest, and
	// there may be none for the channel's start. It says whether it wrote, and
	// waits for the platform's row for a second at most.
	CorrectStatus(ctx context.Context, seen Job, start int64, status int) (corrected bool, err error)
	// Expire ends the active jobs without an owner whose deadline is
	// past, each in one transaction with the status
	// column, and returns them (at most limit).
	Expire(ctx context.Context, limit int) ([]JobID, error)
	// Purge removes pages and progress of up to a handful of jobs that
	// ended before t, in small batches, and says whether there is more.
	Purge(ctx context.Context, t Time) (more bool, err error)
	// Overview reads what the ledger says of the whole. It is cheap whatever
	// the ledger holds.
	Overview(ctx context.Context) (Overview, error)
	// Size is how many bytes the ledger takes, as far as the database knows.
	Size(ctx context.Context) (bytes int64, err error)
	// RemoveJobs removes some hundreds of jobs that ended before t and whose pages
	// are gone, with all that was kept of them, and says whether there is more.
	RemoveJobs(ctx context.Context, t Time) (more bool, err error)
}

// EndMark is a place in the list of jobs in the order in which they ended. With
// an empty Job it is just before the jobs that ended at At.
type EndMark struct {
	At  Time // the end
	Job JobID
}

// Less says whether m comes before other.
func (m EndMark) Less(other EndMark) bool {
	return m.At < other.At || m.At == other.At && m.Job < other.Job
}
