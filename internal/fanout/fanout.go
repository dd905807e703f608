// Package fanout is the domain of pushd: it takes a job ("remind the
// followers of this account that channel 42 is about to start"), walks the
// followers, sends each one message, and accounts for every one of them.
//
// The life of a job, and where to read it:
//
//	accept ─▶ claim (lease) ─▶ prepare ─▶ walk ═▶ pages in the ledger ═▶ send ─▶ record ─▶ reconcile ─▶ finish
//	controller.go engine.go    prepare.go walk.go                       send.go  send.go    run.go
//
// settle.go is where a verdict becomes an action, sheet.go what is known of a
// page's people, house.go what is done beside the jobs, wentback.go what happens
// when the database was restored from a copy, composer.go what owners see of
// their templates.
//
// run.go is the file to read first: it is the life of one job.
//
// The package knows neither HTTP nor SQL. What it needs of the world it
// declares in this file as small interfaces: the ledger (internal/store),
// the account at WeChat (internal/wechat) and the tokens
// (internal/tokenclient). Data flows one way: followers into pages, pages
// into sends, answers into verdicts, verdicts into the ledger.
package fanout

import (
	"context"
	"errors"
	"time"
)

// ActID names a channel of the platform (activity.id). It is above zero.
type ActID int64

// AppID names a WeChat Official Account.
type AppID string

// OpenID names one follower of one account. Openids compare byte for byte:
// "oAbc" and "oabc" are two people.
type OpenID string

// TemplateID names a message template of an account.
type TemplateID string

// JobID is opaque: 20 characters of [0-9a-z].
type JobID string

// Time is a moment on the database's clock in microseconds since 1970; 0
// means "never" or "unknown". All processes share that one clock; none
// trusts its own wall clock for anything that another process will read.
type Time int64

// Add returns t moved by d.
func (t Time) Add(d time.Duration) Time { return t + Time(d/time.Microsecond) }

// Sub returns the time between u and t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Microsecond }

// Std returns t as a time.Time in UTC; the zero Time gives the zero time.Time.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}

// Owner is a process that may hold leases. Instance is the name that
// survives a restart (PUSHD_INSTANCE); Boot is drawn anew at every start, so
// that two lives of one instance are told apart.
type Owner struct{ Instance, Boot string }

// Lease is the right to write about a job: it holds as long as Epoch is the
// job's current one.
type Lease struct {
	Job   JobID
	Epoch int64
}

// Observation is how a held lease looked. Whoever watches it sees Mark or the
// epoch change with every renewal.
type Observation struct {
	Lease
	Mark int64         // opaque; changes with every renewal
	Term time.Duration // how long the lease lasts without one; 0 = not known
}

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

// Leases is the part of the ledger that says who may work on what.
//
// A claim, a renewal and a release are each one compare-and-swap UPDATE,
// judged by its affected rows; every time is the database's.
type Leases interface {
	// Now reads the database's clock.
	Now(ctx context.Context) (Time, error)
	// TakeBack lapses the leases that an earlier life of owner.Instance
	// left behind (same instance, another boot) and says how many.
	TakeBack(ctx context.Context, owner Owner) (int, error)
	// Leases lists the leases that are held, by whomever.
	Leases(ctx context.Context) ([]Observation, error)
	// Lapse frees a lease that is still as it was seen, and says whether it
	// did. Its owner may renew it as long as nobody has claimed the job.
	Lapse(ctx context.Context, seen Observation) (bool, error)
	// Due lists jobs with a free lease that can be claimed: queued; parked and
	// due; or running. Earliest deadline first. A job is left out while a lease
	// on another job of its account is held.
	Due(ctx context.Context, limit int) ([]JobID, error)
	// Claim takes the job: it becomes running, its epoch rises, its lease
	// lasts for term. It then adopts the job's progress rows, so that no
	// write of an earlier epoch can land after the claim was answered, and
	// returns the job as it is then, with Job.Now set; only Reason and
	// ParkedUntil are those of before, for they say what it waited for.
	// ErrLost: somebody was faster, or it is not due. ErrAccountBusy:
	// another job of this account is running.
	Claim(ctx context.Context, owner Owner, id JobID, term time.Duration) (Job, error)
	// Renew prolongs the leases held, lapsed or not, as long as nobody took
	// them, and keeps each job's rate where other processes can show it. It
	// returns the jobs whose lease is lost.
	Renew(ctx context.Context, owner Owner, term time.Duration, held []Held) (lost []JobID, err error)
	// Orders reads what commands have made of the jobs that owner holds.
	Orders(ctx context.Context, owner Owner) ([]Order, error)
	// Release gives the lease back. A running job becomes queued again; in
	// every other state (a command was faster) the state is left alone.
	// Releasing a lease that is lost is no error.
	Release(ctx context.Context, l Lease) error
	// Park ends the work on a running job until it is due again: the state
	// becomes parked and the lease is given back. ErrLost if it was not running
	// under l any more.
	Park(ctx context.Context, l Lease, p Parking) error
}

// Pages is the part of the ledger that holds one job's people: who they are
// (pages, never changed) and what became of each (progress, by page).
type Pages interface {
	// StorePage stores a page of followers and where the walk stands after
	// it, in one transaction. ErrExists: that page number is stored (an
	// answer was lost); the caller reads the job again.
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
	// UPDATE that carries the epoch; ErrLost if any row has another.
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
	// Finish ends a running job, and writes live_notify_status in the same
	// transaction, where the platform's row can be had within a second and the
	// channel's start is still the job's. Succeeded is refused with ErrIncomplete unless the walk
	// is complete and sent + skipped + failed + unknown = everyone stored.
	// ErrLost: not running under l any more.
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
}

// Housekeeping is what a running daemon does beside the jobs.
type Housekeeping interface {
	// Standing lists the newest job of every channel whose job is active or
	// ended at or after since, for the reconciler. It reads in pages: after
	// is the last id of the page before.
	Standing(ctx context.Context, since Time, after JobID, limit int) ([]Job, error)
	// MendStatus writes live_notify_status of seen's channel, if the job is
	// still in the state it was seen in and its channel's newest, and the
	// channel's start is still start, all in one transaction: a finish, a new job
	// or a save of the channel that comes meanwhile wins. It says whether it
	// wrote, and waits for the platform's row for a second at most.
	MendStatus(ctx context.Context, seen Job, start int64, status int) (mended bool, err error)
	// Expire ends the active jobs that nobody holds and whose deadline is
	// past, each in one transaction with the status
	// column, and returns them (at most limit).
	Expire(ctx context.Context, limit int) ([]JobID, error)
	// Purge removes pages and progress of up to a handful of jobs that
	// ended before t, in small batches, and says whether there is more.
	Purge(ctx context.Context, t Time) (more bool, err error)
}

// Followers lists an account's followers.
type Followers interface {
	// Page fetches the followers after cursor (exclusive; "" is the start),
	// at most 10,000. The answer's verdict is Sent when the page is good.
	Page(ctx context.Context, tok Token, cursor OpenID) (FollowerPage, Answer)
}

// FollowerPage is one answer of user/get.
// Source: https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans
type FollowerPage struct {
	Total   int64    // WeChat's count of all followers; it moves while one pages
	OpenIDs []OpenID // may hold empty strings and repeats
	Next    OpenID   // the last openid of the page, or ""
	Odd     int      // members of the list that can't be openids, left out
}

// Sender sends one message to one follower.
type Sender interface {
	// Send posts the letter to one follower. It always returns a verdict,
	// never an error: what went wrong is in the Answer. The verdict is that
	// of the answer alone; what it means for a recipient whose earlier try may
	// have been accepted is decided in settle.go.
	Send(ctx context.Context, tok Token, letter *Letter, to OpenID) Answer
}

// Account asks WeChat about an account.
type Account interface {
	// Quota returns what is left today of the API at path, for example
	// "/cgi-bin/message/template/send".
	Quota(ctx context.Context, tok Token, path string) (remain int64, a Answer)
	// Templates lists the account's own templates. Category templates are
	// usually not among them.
	Templates(ctx context.Context, tok Token) ([]Template, Answer)
}

// WeChat is what the engine needs of WeChat.
type WeChat interface {
	Followers
	Sender
	Account
}

// Tokens keeps the access tokens of the accounts.
type Tokens interface {
	// Token returns the account's current token. It asks PHP only if there
	// is none, and renews an ageing one beside the sends.
	Token(ctx context.Context, appID AppID, actID ActID) (Token, error)
	// Refused says that WeChat refused tok, and returns the token to go on
	// with: at once if tok is not current any more, else after one renewal
	// for all who ask.
	Refused(ctx context.Context, appID AppID, actID ActID, tok Token) (Token, error)
	// Doubted asks PHP again because tok may be another account's, and returns
	// what it gives, which may be tok.
	Doubted(ctx context.Context, appID AppID, actID ActID, tok Token) (Token, error)
	// Worked says that WeChat accepted tok.
	Worked(appID AppID, tok Token)
	// Offer takes a token that came with a job as a candidate. expiresIn is
	// 0 when unknown.
	Offer(appID AppID, tok Token, expiresIn time.Duration)
}

// TokenError says that there is no usable token now.
type TokenError struct {
	// RetryAfter is how long it takes until asking again can help.
	RetryAfter time.Duration
	// Err says why, without any secret.
	Err error
}

func (e *TokenError) Error() string { return e.Err.Error() }

func (e *TokenError) Unwrap() error { return e.Err }
