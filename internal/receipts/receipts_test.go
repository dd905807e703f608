package receipts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
)

const app = pushd.AppID("wx01")

var worker = pushd.Owner{Instance: "w", Boot: "1"}

// world is a keeper on a ledger.
type world struct {
	*Keeper
	ledger *counted
	t      *testing.T
}

// counted is a ledger that counts what it is asked, and fails on request.
type counted struct {
	*ledgertest.Memory
	opened int // pages of recipients
	wrong  error
}

func (c *counted) People(ctx context.Context, id pushd.JobID, page, offset, limit int) ([]byte, error) {
	c.opened++
	return c.Memory.People(ctx, id, page, offset, limit)
}

func (c *counted) SaveReceipts(ctx context.Context, id pushd.JobID, pages []pushd.FoundReceipts) (pushd.ReceiptCounts, error) {
	if c.wrong != nil {
		return pushd.ReceiptCounts{}, c.wrong
	}
	return c.Memory.SaveReceipts(ctx, id, pages)
}

func newWorld(t *testing.T) *world {
	l := &counted{Memory: ledgertest.NewMemory()}
	return &world{Keeper: New(Options{Ledger: l, Log: slog.New(slog.DiscardHandler)}), ledger: l, t: t}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// job is a job of the account at work, whose pages hold these recipients, all of
// whom were sent to.
func (w *world) job(act pushd.ActID, pages ...[]pushd.OpenID) pushd.Job {
	w.t.Helper()
	ctx := w.t.Context()
	j, err := w.ledger.Create(ctx, pushd.Job{ActID: act, AppID: app, StartTime: 1, Deadline: 1 << 60})
	w.ok(err)
	j, err = w.ledger.Claim(ctx, worker, j.ID, time.Minute)
	w.ok(err)
	walk := pushd.Walk{Pass: 1, PassAt: 1}
	for i, ids := range pages {
		walk.Pages, walk.Walked, walk.Complete = i+1, walk.Walked+int64(len(ids)), i == len(pages)-1
		w.ok(w.ledger.StorePage(ctx, j.Lease(), pushd.Page{No: i + 1, OpenIDs: ids}, walk))
		w.record(j, i+1, slices.Repeat([]pushd.Person{{State: pushd.PersonSent}}, len(ids))...)
	}
	return j
}

func (w *world) record(j pushd.Job, page int, people ...pushd.Person) {
	w.t.Helper()
	w.ok(w.ledger.Record(w.t.Context(), j.Lease(), []pushd.Progress{ledgertest.ProgressOf(page, people...)}))
}

// finish ends a job whose last message has just left.
func (w *world) finish(j pushd.Job) {
	w.t.Helper()
	w.ok(w.ledger.SaveSent(w.t.Context(), j.Lease(), w.ledger.Clock()))
	w.ok(w.ledger.Finish(w.t.Context(), j.Lease(), pushd.Ending{State: pushd.Succeeded}))
}

// comes takes receipts that WeChat makes now.
func (w *world) comes(r pushd.Receipt, ids ...pushd.OpenID) {
	w.t.Helper()
	for _, id := range ids {
		if !w.Take(pushd.Reported{AppID: app, OpenID: id, At: w.ledger.Clock(), Receipt: r}) {
			w.t.Fatal("there was no room")
		}
	}
}

// start runs the keeper until stop is called.
func (w *world) start() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// rounds runs n rounds.
func (w *world) rounds(n int) {
	w.t.Helper()
	for range n {
		w.ok(w.round(w.t.Context()))
	}
}

func (w *world) want(id pushd.JobID, want pushd.ReceiptCounts) {
	w.t.Helper()
	sums, err := w.ledger.ReceiptSums(w.t.Context(), []pushd.JobID{id})
	w.ok(err)
	if sums[id] != want {
		w.t.Errorf("job %s has %+v, want %+v", id, sums[id], want)
	}
}

// wantLeft checks what waits and what was given up.
func (w *world) wantLeft(waiting int, unmatched uint64) {
	w.t.Helper()
	if s := w.Stats(); s.Waiting != waiting || s.Unmatched != unmatched {
		w.t.Errorf("%d wait and %d are unmatched, want %d and %d", s.Waiting, s.Unmatched, waiting, unmatched)
	}
}

// ids are the openids of a page of n.
func ids(page, n int) (all []pushd.OpenID) {
	for i := range n {
		all = append(all, pushd.OpenID(fmt.Sprintf("o%02d_%05d", page, i)))
	}
	return all
}

func TestKeeper_Counts(t *testing.T) {
	w := newWorld(t)
	j := w.job(1, ids(1, 5), ids(2, 5))
	w.comes(pushd.ReceiptDelivered, "o01_00000", "o02_00004")
	w.comes(pushd.ReceiptBlocked, "o01_00003")
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 2, Blocked: 1})
	w.comes(pushd.ReceiptDelivered, "o01_00000", "o01_00000", "o01_00001")
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 3, Blocked: 1})
	w.wantLeft(0, 0)
	if s := w.Stats(); s.Saved[pushd.ReceiptDelivered] != 3 || s.Saved[pushd.ReceiptBlocked] != 1 || s.Repeated != 2 {
		t.Errorf("stats %+v", s)
	}
	if w.ledger.opened != 2 {
		t.Errorf("read %d pages, want each once", w.ledger.opened)
	}
}

// Openids compare byte for byte, and a part of one is none.
func TestKeeper_OpenIDsAreExact(t *testing.T) {
	w := newWorld(t)
	j := w.job(1, []pushd.OpenID{"oAbc", "oabc", "oAb", "zoAbc"})
	w.comes(pushd.ReceiptBlocked, "oabc")
	w.comes(pushd.ReceiptDelivered, "oABC", "oA", "Abc", "")
	w.rounds(2)
	w.want(j.ID, pushd.ReceiptCounts{Blocked: 1})
	w.wantLeft(0, 4)
	if r, err := w.ledger.Recipient(t.Context(), j.ID, "oabc"); err != nil || r.Receipt != pushd.ReceiptBlocked {
		t.Errorf("%+v %v", r, err)
	}
}

// Only who may have been sent to has a receipt of the job.
func TestKeeper_OnlyWhoWasSentTo(t *testing.T) {
	w := newWorld(t)
	j := w.job(1, ids(1, 8))
	w.ok(w.ledger.Record(t.Context(), j.Lease(), []pushd.Progress{{Page: 1, People: 8, Mark: 7, Outcomes: pushd.EncodePersons(nil, []pushd.Person{
		{State: pushd.PersonSent}, {State: pushd.PersonUnknown}, {State: pushd.InDoubt},
		{State: pushd.PersonSkipped, Code: 43101}, {State: pushd.PersonFailed, Code: 45009}, {State: pushd.Refused, Code: 42001},
	})}}))
	w.comes(pushd.ReceiptDelivered, ids(1, 8)...)
	w.rounds(1)
	// The seventh stands before the watermark without an outcome, the eighth behind.
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 4})
	w.wantLeft(0, 4)
}

// What a token signs that was renewed counts for nothing, whenever that is known; a
// key needs no token.
func TestKeeper_RenewedToken(t *testing.T) {
	w := newWorld(t)
	j := w.job(1, ids(1, 4))
	version, wrong := 0, error(nil)
	w.Version = func(_ context.Context, got pushd.AppID) (int, error) {
		if got != app {
			t.Errorf("asked about %s", got)
		}
		return version, wrong
	}
	signed := func(id pushd.OpenID, version int) {
		w.Take(pushd.Reported{AppID: app, OpenID: id, At: w.ledger.Clock(), Receipt: pushd.ReceiptDelivered, Signed: true, Version: version})
	}
	signed("o01_00000", 0)
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 1})
	version, wrong = 2, errors.New("the database is away")
	for v := range 4 {
		signed("o01_00001", v)
	}
	if err := w.round(t.Context()); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
	w.wantLeft(4, 0)
	wrong = nil
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 2})
	w.wantLeft(0, 0)
	if got := w.Stats().Renewed; got != 3 {
		t.Errorf("%d of another token, want 3", got)
	}
	w.Version = func(context.Context, pushd.AppID) (int, error) {
		t.Error("asked for what a key has posted")
		return 0, nil
	}
	w.comes(pushd.ReceiptDelivered, "o01_00002")
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 3})
}

// Of two jobs of an account the time decides, and who was sent to.
func TestKeeper_TwoJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.job(1, ids(1, 3))
		time.Sleep(time.Minute)
		w.finish(first)
		late := pushd.Reported{AppID: app, OpenID: "o01_00000", At: w.ledger.Clock(), Receipt: pushd.ReceiptBlocked}
		time.Sleep(time.Minute)
		second := w.job(2, ids(1, 3))
		w.ok(w.ledger.Record(t.Context(), second.Lease(), []pushd.Progress{{Page: 1, People: 3, Mark: 2}}))
		time.Sleep(time.Second)
		w.Take(late)                                        // made before the second began
		w.comes(pushd.ReceiptDelivered, "o01_00001")        // the second has sent to this one
		w.comes(pushd.ReceiptSystemFailed, "o01_00002")     // and not to this one
		w.comes(pushd.ReceiptDelivered, "o99_00000", "o98") // of neither
		w.rounds(2)
		w.want(first.ID, pushd.ReceiptCounts{Blocked: 1, SystemFailed: 1})
		w.want(second.ID, pushd.ReceiptCounts{Delivered: 1})
		w.wantLeft(0, 2)
	})
}

// A job that was paused while another ran, and then went on, gets its own receipts.
func TestKeeper_JobPausedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := t.Context()
		first := w.job(1, ids(1, 3))
		time.Sleep(time.Minute)
		_, err := w.ledger.Command(ctx, first.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
		w.ok(err)
		w.ok(w.ledger.SaveSent(ctx, first.Lease(), w.ledger.Clock()))
		w.ok(w.ledger.Release(ctx, first.Lease()))
		second := w.job(2, ids(1, 3))
		time.Sleep(time.Minute)
		w.finish(second)
		_, err = w.ledger.Command(ctx, first.ID, pushd.Command{From: []pushd.State{pushd.Paused}, To: pushd.Queued})
		w.ok(err)
		_, err = w.ledger.Claim(ctx, worker, first.ID, time.Minute)
		w.ok(err)
		time.Sleep(time.Minute)
		w.comes(pushd.ReceiptDelivered, "o01_00000")
		w.rounds(1)
		w.want(first.ID, pushd.ReceiptCounts{Delivered: 1})
		w.want(second.ID, pushd.ReceiptCounts{})
	})
}

// A job gets receipts for half an hour after its last send, and clocks may differ.
func TestKeeper_Time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(time.Hour)
		j := w.job(1, ids(1, 9))
		began := w.ledger.Clock()
		time.Sleep(2 * time.Hour) // it sends all the time
		w.comes(pushd.ReceiptDelivered, "o01_00000")
		w.rounds(1)
		w.want(j.ID, pushd.ReceiptCounts{Delivered: 1})
		w.finish(j)
		end := w.ledger.Clock()
		for i, c := range []struct {
			at    pushd.Time
			taken bool
		}{
			{end.Add(29 * time.Minute), true}, {end.Add(31 * time.Minute), false},
			{began.Add(-9 * time.Minute), true}, {began.Add(-11 * time.Minute), false},
		} {
			before := w.Stats().Unmatched
			w.Take(pushd.Reported{AppID: app, OpenID: ids(1, 9)[i+1], At: c.at, Receipt: pushd.ReceiptDelivered})
			w.rounds(1)
			if taken := w.Stats().Unmatched == before; taken != c.taken {
				t.Errorf("case %d: taken %v, want %v", i, taken, c.taken)
			}
		}
	})
}

func TestKeeper_NoSuchAccount(t *testing.T) {
	w := newWorld(t)
	w.job(1, ids(1, 1))
	w.Take(pushd.Reported{AppID: "wxother", OpenID: "o01_00000", At: w.ledger.Clock(), Receipt: pushd.ReceiptDelivered})
	w.rounds(1)
	w.wantLeft(0, 1)
}

// A receipt whose page is not kept is found within as many rounds as it takes to
// read all pages, some at a time; one that is on none is given up then.
func TestKeeper_Search(t *testing.T) {
	w := newWorld(t)
	var pages [][]pushd.OpenID
	for no := range 30 {
		pages = append(pages, ids(no, 10))
	}
	j := w.job(1, pages...)
	w.comes(pushd.ReceiptDelivered, "o00_00003", "o29_00003", "oUnknown")
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 1}) // the last page is where it sends
	if w.ledger.opened > loads {
		t.Errorf("read %d pages in a round, want at most %d", w.ledger.opened, loads)
	}
	w.wantLeft(2, 0)
	w.rounds(30/loads + 2)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 2})
	w.wantLeft(0, 1)
	opened := w.ledger.opened
	w.comes(pushd.ReceiptDelivered, "o15_00003", "o00_00004")
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 4})
	if w.ledger.opened != opened {
		t.Errorf("read %d pages that are kept", w.ledger.opened-opened)
	}
}

// What is kept of pages has a bound, and pages that are of use stay.
func TestShelf(t *testing.T) {
	p := newPage([]byte("oA\noB\n"))
	s := newPageCache(3 * p.size())
	at := func(no int) place { return place{"j", 1, no} }
	for no := range 3 {
		s.put(at(no), p)
	}
	s.use(at(0))
	s.put(at(3), p)
	if s.pages[at(0)] == nil || s.pages[at(1)] != nil || s.size != 3*p.size() {
		t.Errorf("kept %v, %d bytes", s.used, s.size)
	}
	s.put(at(4), newPage([]byte("o"+string(make([]byte, 5*p.size()))+"\n")))
	if len(s.pages) != 1 || s.pages[at(4)] == nil {
		t.Errorf("kept %v", s.used)
	}
}

func TestPage(t *testing.T) {
	p := newPage([]byte("oC\noA\noBB\noB\n"))
	for id, want := range map[pushd.OpenID]int{"oC": 0, "oA": 1, "oBB": 2, "oB": 3, "o": -1, "oD": -1, "": -1, "oC\n": -1} {
		got, ok := p.find(id)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is at %d, want %d", id, got, want)
		}
	}
	if _, ok := newPage(nil).find("oA"); ok {
		t.Error("found on an empty page")
	}
}

// While the database refuses nothing is lost and nothing counts twice; memory has a
// bound, and beyond it is said that there is no room.
func TestKeeper_DatabaseDown(t *testing.T) {
	w := newWorld(t)
	j := w.job(1, ids(1, 100))
	w.ledger.wrong = errors.New("connection lost")
	w.comes(pushd.ReceiptDelivered, ids(1, 50)...)
	for range 3 {
		if err := w.round(t.Context()); !errors.Is(err, w.ledger.wrong) {
			t.Fatalf("error %v", err)
		}
	}
	w.wantLeft(50, 0)
	all := ids(1, 100)
	for i := 0; w.Take(pushd.Reported{AppID: app, OpenID: all[i%100], At: w.ledger.Clock(), Receipt: pushd.ReceiptDelivered}); i++ {
	}
	if s := w.Stats(); s.Waiting != most || s.Refused != 1 {
		t.Errorf("stats %+v, want %d waiting", s, most)
	}
	w.ledger.wrong = nil
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 100})
	w.wantLeft(0, 0)
}

// Receipts of other messages don't take the place of those of jobs.
func TestKeeper_FloodOfStrangers(t *testing.T) {
	w := newWorld(t)
	var pages [][]pushd.OpenID
	for no := range 30 {
		pages = append(pages, ids(no, 2))
	}
	j := w.job(1, pages...)
	for i := range most - 10 {
		w.Take(pushd.Reported{AppID: app, OpenID: pushd.OpenID(fmt.Sprint("x", i)), At: w.ledger.Clock(), Receipt: pushd.ReceiptDelivered})
	}
	w.rounds(1)
	if s := w.Stats(); s.Waiting != searching || s.Unmatched != most-10-searching {
		t.Errorf("%d wait, %d unmatched", s.Waiting, s.Unmatched)
	}
	w.comes(pushd.ReceiptDelivered, "o29_00000", "o28_00001")
	w.rounds(1)
	w.want(j.ID, pushd.ReceiptCounts{Delivered: 2})
}

// A job that was removed while a round looked at it is no error.
func TestKeeper_JobGone(t *testing.T) {
	w := newWorld(t)
	w.job(1, ids(1, 1))
	w.ledger.wrong = pushd.ErrNotFound
	w.comes(pushd.ReceiptDelivered, "o01_00000")
	w.rounds(1)
	w.wantLeft(0, 1)
}

// Run writes once a second, and what has come at the end of a stop.
func TestKeeper_Run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		j := w.job(1, ids(1, 3))
		stop := w.start()
		w.comes(pushd.ReceiptDelivered, "o01_00000")
		time.Sleep(roundEvery + time.Millisecond)
		w.want(j.ID, pushd.ReceiptCounts{Delivered: 1})
		w.comes(pushd.ReceiptBlocked, "o01_00001")
		stop()
		w.want(j.ID, pushd.ReceiptCounts{Delivered: 1, Blocked: 1})
	})
}

// What can't be written before a stop is lost, and counted.
func TestKeeper_RunLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.job(1, ids(1, 3))
		w.ledger.wrong = errors.New("connection lost")
		stop := w.start()
		w.comes(pushd.ReceiptDelivered, "o01_00000")
		time.Sleep(3 * roundEvery)
		w.comes(pushd.ReceiptDelivered, "o01_00001")
		stop()
		if s := w.Stats(); s.Lost != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// When no more receipts come that is written down.
func TestKeeper_Closes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		j := w.job(1, ids(1, 3))
		stop := w.start()
		w.comes(pushd.ReceiptDelivered, "o01_00000")
		events := func() (n int) {
			all, _, err := w.ledger.Events(t.Context(), pushd.EventFilter{Job: j.ID, Limit: 50})
			w.ok(err)
			for _, e := range all {
				if e.Kind == pushd.EventReceipts {
					n++
				}
			}
			return n
		}
		time.Sleep(pushd.ReceiptsFor)
		if n := events(); n != 0 {
			t.Errorf("%d events before the half hour", n)
		}
		time.Sleep(2 * closeEvery)
		if n := events(); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		stop()
	})
}
