package ledgertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"pushd"
)

// Database is a ledger to be tried, and what the rules need beside it.
type Database struct {
	Ledger
	// Again opens the same database as another process does.
	Again func() Ledger
	// SetChannel is what the platform does: it makes a channel, or changes
	// it. The rules say its ActID, AppID, StartTime, Status and Audience; the rest is a
	// channel that is due.
	SetChannel func(pushd.Channel)
	// SetSubscribers is the platform's, too: these and no others ask for a
	// channel's stream.
	SetSubscribers func(pushd.ActID, []pushd.OpenID)
	// EndAt lets ended jobs have ended at another time.
	EndAt func(ids []pushd.JobID, at pushd.Time)
}

// rule is a test that every ledger passes.
type rule struct {
	name string
	test func(*testing.T, *bench)
}

// Run tries all rules, each on an empty database.
func Run(t *testing.T, open func(*testing.T) Database) {
	for _, rules := range [][]rule{
		lifeRules(), commandRules(), identityRules(), newestRules(), fenceRules(), leaseRules(), parkRules(), recipientRules(),
		messageRules(), housekeepingRules(), statusRules(), listRules(), counterRules(), holdRules(), eventRules(), overviewRules(), alarmRules(), activityRules(), firstRules(), refusalRules(), receiptRules(), audienceRules(), raceRules(),
	} {
		for _, r := range rules {
			t.Run(r.name, func(t *testing.T) {
				b := &bench{Database: open(t), t: t, ctx: t.Context()}
				b.channel(actID, appID)
				r.test(t, b)
			})
		}
	}
}

const (
	appID  = pushd.AppID("wx0000000000000001")
	actID  = pushd.ActID(42)
	start  = int64(1_900_000_000)
	term   = 15 * time.Second
	future = pushd.Time(1_900_000_000_000_000)
)

// The processes, what becomes of recipients, and how a job ends well.
var (
	alice = pushd.Owner{Instance: "alice", Boot: "1"}
	bob   = pushd.Owner{Instance: "bob", Boot: "1"}

	sent    = pushd.Person{State: pushd.PersonSent}
	skipped = pushd.Person{State: pushd.PersonSkipped, Code: 43004}
	failed  = pushd.Person{State: pushd.PersonFailed, Code: 40003}
	unknown = pushd.Person{State: pushd.PersonUnknown, Code: pushd.CodeTimeout}

	succeeded = pushd.Ending{State: pushd.Succeeded}
)

// bench is the ledger that a rule is tried on, with what rules do often.
type bench struct {
	Database
	t   *testing.T
	ctx context.Context
}

func (f *bench) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *bench) want(err, want error) {
	f.t.Helper()
	if !errors.Is(err, want) {
		f.t.Fatalf("error %v, want %v", err, want)
	}
}

// channel gives the platform a channel that is due.
func (f *bench) channel(act pushd.ActID, app pushd.AppID) {
	status := pushd.StatusNotNotified
	f.SetChannel(pushd.Channel{ActID: act, AppID: app, StartTime: start, Status: &status})
}

// save is the platform's: the channel has this start and the status 0 now.
func (f *bench) save(act pushd.ActID, start int64) {
	f.t.Helper()
	ch, err := f.Channel(f.ctx, act)
	f.ok(err)
	status := pushd.StatusNotNotified
	f.SetChannel(pushd.Channel{ActID: act, AppID: ch.AppID, StartTime: start, Status: &status})
}

// status is the channel's live_notify_status.
func (f *bench) status(act pushd.ActID) int {
	f.t.Helper()
	ch, err := f.Channel(f.ctx, act)
	f.ok(err)
	if ch.Status == nil {
		f.t.Fatalf("channel %d has no status", act)
	}
	return *ch.Status
}

// create makes a job, and a channel for it unless it is the first one's.
func (f *bench) create(act pushd.ActID, app pushd.AppID) pushd.Job {
	f.t.Helper()
	if act != actID {
		f.channel(act, app)
	}
	j, err := f.Create(f.ctx, pushd.Job{ActID: act, AppID: app, StartTime: start, Deadline: future})
	f.ok(err)
	return j
}

// claimed makes a job and claims it for owner.
func (f *bench) claimed(owner pushd.Owner) pushd.Job {
	f.t.Helper()
	j, err := f.Claim(f.ctx, owner, f.create(actID, appID).ID, term)
	f.ok(err)
	return j
}

// walked makes a claimed job with pages of recipients.
func (f *bench) walked(pages ...[]pushd.OpenID) pushd.Job {
	f.t.Helper()
	j := f.claimed(alice)
	w := pushd.Walk{Pass: 1}
	for i, ids := range pages {
		w.Pages, w.Walked, w.Cursor = i+1, w.Walked+int64(len(ids)), ids[len(ids)-1]
		w.Complete = i == len(pages)-1
		f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: i + 1, OpenIDs: ids}, w))
	}
	return f.job(j.ID)
}

// openids is a page of recipients.
func openids(ids ...pushd.OpenID) []pushd.OpenID { return ids }

// record writes the states of one page's recipients.
func (f *bench) record(l pushd.Lease, page int, people ...pushd.Person) {
	f.t.Helper()
	f.ok(f.Record(f.ctx, l, []pushd.Progress{ProgressOf(page, people...)}))
}

// ProgressOf is a page whose recipients, all of whom may have been sent to, have
// these states.
func ProgressOf(page int, people ...pushd.Person) pushd.Progress {
	p := pushd.Progress{Page: page, People: len(people), Mark: len(people), Outcomes: pushd.EncodePersons(nil, people)}
	p.Counts.Errors = map[int]int64{}
	for _, person := range people {
		switch person.State {
		case pushd.PersonSent:
			p.Counts.Sent++
		case pushd.PersonSkipped:
			p.Counts.Skipped++
		case pushd.PersonFailed:
			p.Counts.Failed++
		case pushd.PersonUnknown:
			p.Counts.Unknown++
		}
		if person.Code != 0 {
			p.Counts.Errors[int(person.Code)]++
		}
	}
	return p
}

func (f *bench) job(id pushd.JobID) pushd.Job {
	f.t.Helper()
	j, err := f.Job(f.ctx, id)
	f.ok(err)
	return j
}

// stored returns the counts that are stored with a job, whatever its progress
// says.
func (f *bench) stored(id pushd.JobID) pushd.Counts {
	f.t.Helper()
	jobs, err := f.Working(f.ctx, 0, 1000)
	f.ok(err)
	ended, err := f.Ended(f.ctx, pushd.EndMark{}, future, 1000)
	f.ok(err)
	jobs = append(jobs, ended...)
	i := slices.IndexFunc(jobs, func(j pushd.Job) bool { return j.ID == id })
	if i < 0 {
		f.t.Fatalf("job %s does not stand", id)
	}
	return jobs[i].Counts
}

// working lists the active jobs that are looked after, in pages.
func (f *bench) working(limit int) (all []pushd.JobID) {
	f.t.Helper()
	for after := pushd.ActID(0); ; {
		jobs, err := f.Working(f.ctx, after, limit)
		f.ok(err)
		for _, j := range jobs {
			all, after = append(all, j.ID), j.ActID
		}
		if len(jobs) < limit {
			return all
		}
	}
}

// ended lists the jobs that ended in a time and are looked after, in pages.
func (f *bench) ended(after pushd.EndMark, until pushd.Time, limit int) (all []pushd.JobID) {
	f.t.Helper()
	for {
		jobs, err := f.Ended(f.ctx, after, until, limit)
		f.ok(err)
		for _, j := range jobs {
			all, after = append(all, j.ID), j.EndMark()
		}
		if len(jobs) < limit {
			return all
		}
	}
}

// pages counts a job's pages.
func (f *bench) pages(id pushd.JobID) int {
	f.t.Helper()
	rows, err := f.Progress(f.ctx, id, 1, 1000)
	f.ok(err)
	return len(rows)
}

// message stores what the job sends.
func (f *bench) message(l pushd.Lease, m pushd.Prepared) {
	f.t.Helper()
	_, err := f.SaveMessage(f.ctx, l, m)
	f.ok(err)
}

// cancel ends a job.
func (f *bench) cancel(id pushd.JobID) {
	f.t.Helper()
	_, err := f.Command(f.ctx, id, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
	f.ok(err)
}

// due moves a job's deadline.
func (f *bench) due(id pushd.JobID, at pushd.Time) {
	f.t.Helper()
	_, err := f.Command(f.ctx, id, pushd.Command{From: pushd.ActiveStates, Deadline: at})
	f.ok(err)
}

// lapse frees a job's lease as one who has watched it does.
func (f *bench) lapse(id pushd.JobID) {
	f.t.Helper()
	seen, err := f.Leases(f.ctx)
	f.ok(err)
	for _, l := range seen {
		if l.Job == id {
			freed, err := f.Lapse(f.ctx, l)
			f.ok(err)
			if freed {
				return
			}
		}
	}
	f.t.Fatalf("no lease of %s to free among %+v", id, seen)
}

// tick waits until the database's clock has moved, and returns what it says.
func (f *bench) tick() pushd.Time {
	f.t.Helper()
	first, err := f.Now(f.ctx)
	f.ok(err)
	for {
		now, err := f.Now(f.ctx)
		f.ok(err)
		if now > first {
			return now
		}
	}
}

// atOnce runs f(0) … f(n-1) as simultaneously as goroutines can.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gun
			f(i)
		})
	}
	close(gun)
	wg.Wait()
}
