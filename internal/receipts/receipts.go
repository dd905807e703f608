// Package receipts takes what WeChat says became of accepted messages, and brings
// it into the ledger: in memory at once, and from there once a second to the
// recipients of the jobs. docs/decisions/receipts.md says why so.
//
// Take is called by whoever has a receipt and never waits. Run matches what has
// come: by account and time to a job, by openid to a recipient on one of its pages,
// exactly. A receipt that belongs to no recipient is looked for on each page once,
// some pages a second, and is then given up.
package receipts

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
)

const (
	// roundEvery is how long a receipt waits before it is written.
	roundEvery = time.Second
	// closeEvery is how often jobs are looked for whose receipts are in.
	closeEvery = time.Minute
	// callFor bounds what a round asks of the ledger.
	callFor = 30 * time.Second
	// lastFor bounds the last round of a stop.
	lastFor = 3 * time.Second

	// most is how many receipts may wait in memory, some 150 bytes each. In an
	// evening's peak of 3,000 a second that is a database which is away for 20 s.
	most = 60_000
	// searching is how many of them may be looked for on pages that are not kept:
	// receipts of other messages must not take the place of those of jobs.
	searching = 20_000
	// cacheSize is what the pages that are kept may take: 45 full ones.
	cacheSize = 16 << 20
	// loads is how many pages of a job are read in a round: 1.2 MB.
	loads = 4
	// skew is by how much WeChat's clock may be behind the database's where it
	// would mean that a receipt belongs to no job at all.
	skew = 10 * time.Minute
)

// Ledger is what is asked of the database.
type Ledger interface {
	pushd.Receipts
	// Progress and People are those of pushd.Pages.
	Progress(ctx context.Context, id pushd.JobID, from, to int) ([]pushd.Progress, error)
	People(ctx context.Context, id pushd.JobID, page int, offset, limit int) ([]byte, error)
}

// Options are what a Keeper is made of.
type Options struct {
	Ledger Ledger
	// Ready says whether the tables may be worked on; nil = they may.
	Ready func() bool
	// Version reads which token of an account's callback is the current one; nil:
	// whichever signed a receipt is good.
	Version func(ctx context.Context, app pushd.AppID) (int, error)
	Log     *slog.Logger
}

// Keeper holds receipts until they are in the ledger.
type Keeper struct {
	Options

	mu      sync.Mutex
	inbox   []receipt
	waiting int // receipts that a round has taken out of inbox and not settled

	cache    *pageCache
	searches map[pushd.JobID]*search
	kept     []receipt // of Run alone: what an earlier round could not settle
	said     string    // what was last logged as wrong

	saved                                          [16]atomic.Uint64 // by receipt
	repeated, unmatched, renewed, refused, unsaved atomic.Uint64
}

// receipt is one that waits.
type receipt struct {
	pushd.Reported
	// not lists the jobs that it can't belong to.
	not []pushd.JobID
	// seen is how far the search in a job had come when this receipt joined it;
	// of is that job.
	of   pushd.JobID
	seen int
}

// New makes a keeper. Nothing is written before Run.
func New(o Options) *Keeper {
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	return &Keeper{Options: o, cache: newPageCache(cacheSize), searches: map[pushd.JobID]*search{}}
}

// Take takes a receipt. It says whether there was room for it.
func (k *Keeper) Take(r pushd.Reported) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.inbox)+k.waiting >= most {
		k.refused.Add(1)
		return false
	}
	k.inbox = append(k.inbox, receipt{Reported: r})
	return true
}

// Stats counts receipts since the process began.
func (k *Keeper) Stats() pushd.ReceiptStats {
	s := pushd.ReceiptStats{
		Saved: map[pushd.Receipt]uint64{}, Repeated: k.repeated.Load(), Unmatched: k.unmatched.Load(), Renewed: k.renewed.Load(), Refused: k.refused.Load(), Lost: k.unsaved.Load(),
	}
	for _, r := range pushd.AllReceipts {
		s.Saved[r] = k.saved[r].Load()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s.Waiting = len(k.inbox) + k.waiting
	return s
}

// Run works until ctx ends, and then writes what is there.
func (k *Keeper) Run(ctx context.Context) {
	t := time.NewTicker(roundEvery)
	defer t.Stop()
	closed := time.Now()
	for {
		select {
		case <-ctx.Done():
			k.last()
			return
		case <-t.C:
		}
		if !k.Ready() {
			continue
		}
		k.within(ctx, callFor, k.round)
		if now := time.Now(); now.Sub(closed) >= closeEvery {
			closed = now
			k.within(ctx, callFor, k.close)
		}
	}
}

// last writes what has come before a stop. What can't be written is lost, and
// counted.
func (k *Keeper) last() {
	if k.Ready() {
		k.within(context.Background(), lastFor, k.round)
	}
	k.take()
	if n := len(k.kept); n > 0 {
		k.unsaved.Add(uint64(n))
		k.Log.Warn("receipts of WeChat's were not written before the stop", "receipts", n)
	}
}

// within does one thing in a bounded time, and logs what is wrong when that
// changes.
func (k *Keeper) within(ctx context.Context, d time.Duration, f func(context.Context) error) {
	call, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := f(call)
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == k.said:
		return
	case err != nil:
		k.Log.Warn("receipts can't be written now; they wait in memory", "waiting", len(k.kept), "err", err)
	default:
		k.Log.Info("receipts are written again")
	}
	k.said = text
}

// take moves what has come to what this round is about.
func (k *Keeper) take() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, k.inbox...)
	k.inbox, k.waiting = nil, len(k.kept)
}

// keep says what this round could not settle.
func (k *Keeper) keep(left []receipt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept, k.waiting = left, len(left)
}

// close has the event written for jobs whose receipts are in.
func (k *Keeper) close(ctx context.Context) error {
	_, err := k.Ledger.CloseReceipts(ctx, pushd.ReceiptsFor)
	return err
}
