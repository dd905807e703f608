package ledgertest

import (
	"encoding/json"
	"maps"
	"sync"
	"time"

	"pushd"
)

// Memory is a ledger on maps. It never fails by itself, and every method is one
// transaction. Whoever reads or changes its fields holds the lock.
type Memory struct {
	sync.Mutex
	Step     time.Duration // the database's clock, less the true one
	ByID     map[pushd.JobID]*Job
	Channels map[pushd.ActID]*pushd.Channel
	// Subscribed has those who asked for a channel's stream, in ascending order.
	Subscribed map[pushd.ActID][]pushd.OpenID
	// Unclean counts the claims of a job that its last worker never gave
	// back: as often may recipients have been sent to without the ledger knowing
	// what came of it.
	Unclean map[pushd.JobID]int
	// Install is the installation's row.
	Install pushd.Installation
	// OnHold are the holds by account; "" is everything.
	OnHold map[pushd.AppID]pushd.Hold

	refusals map[refuser]refused
	alarms   map[string]*alarm
	sums     map[pushd.JobID]*receiptSums // of the jobs' receipts
	accepted map[pushd.AppID]int64        // how many jobs of an account were
	events   []pushd.Event
	texts    map[textKey]pushd.Texts
	rev      int64

	lastEvent int64
	lives     int // how often it came back as it was
}

type textKey struct {
	app pushd.AppID
	id  pushd.TemplateID
}

// Job is a job with all that the ledger has of it.
type Job struct {
	pushd.Job // Counts are those stored with the job, see StoreTotals
	Pages     []pushd.Page
	Blobs     [][]byte // the openids of each page, each with a newline
	Progress  []Progress
	Where     map[pushd.OpenID][2]int // page and index, from 0
	Twice     []pushd.OpenID          // recipients who were stored a second time

	waitingSince pushd.Time // since when no message flows; 0 = some do

	runs     bool      // active_appid is set
	until    time.Time // the lease's end by the true clock
	purged   bool      // the pages are gone
	messages []version

	receipts map[int]pushd.PageReceipts // by page, from 1
}

// Progress is that of one page, and who may write it.
type Progress struct {
	pushd.Progress
	epoch, rev int64
}

// version is one of the messages that a job has had, also as it is compared.
type version struct {
	pushd.MessageVersion
	text string
}

var _ Ledger = (*Memory)(nil)

// StatusFailed is PUSHD_STATUS_FAILED.
const StatusFailed = 3

// NewMemory makes an empty ledger.
func NewMemory() *Memory {
	return &Memory{
		ByID: map[pushd.JobID]*Job{}, Channels: map[pushd.ActID]*pushd.Channel{},
		Subscribed: map[pushd.ActID][]pushd.OpenID{},
		texts:      map[textKey]pushd.Texts{}, Unclean: map[pushd.JobID]int{},
		refusals: map[refuser]refused{},
		accepted: map[pushd.AppID]int64{},
		OnHold:   map[pushd.AppID]pushd.Hold{},
		Install:  pushd.Installation{Counter: pushd.Counter{Installation: "sim"}},
	}
}

// begin begins a transaction and returns its time.
func (l *Memory) begin() pushd.Time {
	l.Lock()
	return pushd.Time(time.Now().Add(l.Step).UnixMicro())
}

// Clock is the database's clock.
func (l *Memory) Clock() pushd.Time {
	defer l.Unlock()
	return l.begin()
}

// Read returns a job as a read gives it. The caller holds the lock.
func (l *Memory) Read(j *Job) pushd.Job { return l.read(j, 0) }

func (l *Memory) read(j *Job, now pushd.Time) pushd.Job {
	job := j.row(now)
	l.explain(j, &job)
	if j.live() {
		job.Counts = j.sum()
	}
	return job
}

// row is the job as its row says, with the counts that were stored with it.
func (j *Job) row(now pushd.Time) pushd.Job {
	job := j.Job
	job.Now = now
	job.Walk = copyWalk(job.Walk)
	job.Counts.Errors = maps.Clone(job.Counts.Errors)
	if m := job.Prepared.Message; m != nil {
		same := *m
		same.Data = maps.Clone(m.Data)
		job.Prepared.Message = &same
	}
	return job
}

// live says that the job's progress is still written to, so that what was stored
// with the job is not the last word.
func (j *Job) live() bool {
	return j.PurgedAt == 0 && (j.State.Active() || j.Owner.Instance != "")
}

// explain says what a job waits for where its row does not.
func (l *Memory) explain(j *Job, job *pushd.Job) {
	if h := l.hold(j.AppID); h != nil && (j.State == pushd.Queued || j.claimable(job.Now)) {
		job.Reason, job.Detail = pushd.OnHold, pushd.ClipDetail(h.Detail())
	} else if l.waits(j) {
		job.Reason = pushd.AccountBusy
	}
}

// waits says that a queued job waits for its account.
func (l *Memory) waits(j *Job) bool {
	return j.State == pushd.Queued && j.Reason == "" && l.busy(j)
}

// sum adds up the job's progress.
func (j *Job) sum() (t pushd.Counts) {
	for _, p := range j.Progress {
		t.Add(p.Counts)
	}
	return t
}

// StoreTotals stores the sums of the job's progress with the job; no record lands
// behind those of a job that has ended and has no worker. The caller holds the lock.
func (j *Job) StoreTotals() {
	if j.FinishedAt > 0 && j.Owner.Instance == "" {
		for i := range j.Progress {
			j.Progress[i].epoch = 0
		}
	}
	j.Counts = j.sum()
}

// encoded is v as the ledger keeps it: whoever had it can't change it any more,
// and two that are written alike are one.
func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	return string(b)
}

// stored is v as it comes back from the ledger.
func stored[T any](v T) (back T) {
	if err := json.Unmarshal([]byte(encoded(v)), &back); err != nil {
		panic(err) // it was encoded this moment
	}
	return back
}

func copyWalk(w pushd.Walk) pushd.Walk {
	w.Total = copyOf(w.Total)
	return w
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	same := *p
	return &same
}
