package fanout

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"pushd"
)

// fakeLedger is the database of the simulation: the rules of package store on
// maps. It never fails by itself; what a process sees of it goes through a
// wire (see fakewire_test.go). Every method is one transaction.
type fakeLedger struct {
	mu       sync.Mutex
	step     time.Duration // the database's clock, less the true one
	failed   int           // PUSHD_STATUS_FAILED
	rev      int64
	lives    int // how often it came back as it was
	jobs     map[pushd.JobID]*fakeJob
	channels map[pushd.ActID]*pushd.Channel
	texts    map[pushd.TemplateID]pushd.Texts
	// unclean counts the claims of a job that its last worker never gave
	// back: as often may people have been sent to without the ledger knowing
	// what came of it.
	unclean map[pushd.JobID]int
	writes  []string // of live_notify_status, in order
	install pushd.Installation
}

type fakeJob struct {
	pushd.Job
	runs     bool // active_appid is set
	until    time.Time
	pages    []pushd.Page
	blobs    [][]byte
	progress []fakeProgress
	where    map[pushd.OpenID][2]int // page and index, from 0
	twice    []pushd.OpenID          // people who were stored a second time
	freed    map[pushd.OpenID]bool   // reopened although they may have been told
	messages []pushd.Message         // by version, from 1
}

type fakeProgress struct {
	pushd.Progress
	epoch, rev int64
}

func newFakeLedger() *fakeLedger {
	return &fakeLedger{
		failed: 3, jobs: map[pushd.JobID]*fakeJob{}, channels: map[pushd.ActID]*pushd.Channel{},
		texts: map[pushd.TemplateID]pushd.Texts{}, unclean: map[pushd.JobID]int{},
		install: pushd.Installation{Counter: pushd.Counter{Installation: "sim"}},
	}
}

// lock begins a transaction and returns its time.
func (l *fakeLedger) lock() pushd.Time {
	l.mu.Lock()
	return pushd.Time(time.Now().Add(l.step).UnixMicro())
}

// ---- Leases

func (l *fakeLedger) Now(context.Context) (pushd.Time, error) {
	defer l.mu.Unlock()
	return l.lock(), nil
}

func (l *fakeLedger) TakeBack(_ context.Context, o pushd.Owner) (int, error) {
	defer l.mu.Unlock()
	l.lock()
	n := 0
	for _, j := range l.jobs {
		if j.Owner.Instance == o.Instance && j.Owner.Boot != o.Boot && j.Leased != 0 {
			j.lapse()
			n++
		}
	}
	return n, nil
}

// lapse frees a lease that was not given back.
func (j *fakeJob) lapse() {
	j.Leased, j.until = 0, time.Time{}
	j.runs = j.runs && j.State == pushd.Running
}

func (l *fakeLedger) Leases(context.Context) (held []pushd.Observation, err error) {
	l.lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.jobs)) {
		if j := l.jobs[id]; j.Leased != 0 {
			held = append(held, pushd.Observation{Lease: j.Lease(), Mark: int64(j.Leased), Term: j.LeaseTerm})
		}
	}
	return held, nil
}

func (l *fakeLedger) Lapse(_ context.Context, seen pushd.Observation) (bool, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[seen.Job]
	if j == nil || j.Epoch != seen.Epoch || int64(j.Leased) != seen.Mark {
		return false, nil
	}
	j.lapse()
	return true, nil
}

func (j *fakeJob) claimable(now pushd.Time) bool {
	return j.Leased == 0 && (j.State == pushd.Queued || j.State == pushd.Running || j.State == pushd.Parked && j.ParkedUntil <= now)
}

// busy says that another job of j's account runs.
func (l *fakeLedger) busy(j *fakeJob) bool {
	for _, o := range l.jobs {
		if o.runs && o.AppID == j.AppID && o.ID != j.ID {
			return true
		}
	}
	return false
}

func (l *fakeLedger) Due(_ context.Context, limit int) ([]pushd.JobID, error) {
	now := l.lock()
	defer l.mu.Unlock()
	var due []*fakeJob
	for _, j := range l.jobs {
		if j.State.Active() && j.claimable(now) && !l.busy(j) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *fakeJob) int {
		if a.Deadline != b.Deadline {
			return int(min(max(a.Deadline-b.Deadline, -1), 1))
		}
		return compare(string(a.ID), string(b.ID))
	})
	var ids []pushd.JobID
	for _, j := range due[:min(len(due), limit)] {
		ids = append(ids, j.ID)
	}
	return ids, nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (l *fakeLedger) Claim(_ context.Context, o pushd.Owner, id pushd.JobID, term time.Duration) (pushd.Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil || !j.State.Active() || !j.claimable(now) {
		return pushd.Job{}, pushd.ErrLost
	}
	if l.busy(j) {
		return pushd.Job{}, pushd.ErrAccountBusy
	}
	if j.Owner.Instance != "" {
		l.unclean[id]++
	}
	reason, until := j.Reason, j.ParkedUntil
	j.Epoch++
	j.Owner, j.State, j.runs = o, pushd.Running, true
	j.Leased, j.until, j.LeaseTerm = now.Add(term), time.Now().Add(term), term
	j.Reason, j.Detail, j.ParkedUntil = "", "", 0
	j.adopt()
	job := j.read(now)
	job.Reason, job.ParkedUntil = reason, until
	return job, nil
}

func (j *fakeJob) adopt() {
	for i := range j.progress {
		j.progress[i].epoch, j.progress[i].rev = j.Epoch, 0
	}
}

// read returns the job with its sums.
func (j *fakeJob) read(now pushd.Time) pushd.Job {
	job := j.Job
	job.Now = now
	job.Counts = pushd.Counts{Errors: map[int]int64{}}
	for _, p := range j.progress {
		c := p.Counts
		job.Counts.Sent += c.Sent
		job.Counts.Skipped += c.Skipped
		job.Counts.Failed += c.Failed
		job.Counts.Unknown += c.Unknown
		job.Counts.Retries += c.Retries
		job.Counts.InDoubt += c.InDoubt
		for code, n := range c.Errors {
			job.Counts.Errors[code] += n
		}
	}
	return job
}

func (l *fakeLedger) Renew(_ context.Context, o pushd.Owner, term time.Duration, held []pushd.Held) (lost []pushd.JobID, err error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, h := range held {
		if j := l.jobs[h.Job]; j != nil && j.Owner == o && j.Epoch == h.Epoch && (j.Leased != 0 || j.State == pushd.Running) {
			j.Leased, j.until, j.LeaseTerm, j.SendRate = now.Add(term), time.Now().Add(term), term, h.SendRate
		} else {
			lost = append(lost, h.Job)
		}
	}
	return lost, nil
}

func (l *fakeLedger) Orders(_ context.Context, o pushd.Owner) (orders []pushd.Order, err error) {
	l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.Owner == o {
			orders = append(orders, pushd.Order{Lease: j.Lease(), State: j.State, Rate: j.Rate, Deadline: j.Deadline})
		}
	}
	return orders, nil
}

// mine finds the job about whose people l may write.
func (l *fakeLedger) mine(lease pushd.Lease) *fakeJob {
	j := l.jobs[lease.Job]
	if j == nil || j.Epoch != lease.Epoch || j.Owner.Instance == "" || j.State.Ended() {
		return nil
	}
	return j
}

// running finds the job about which l may decide.
func (l *fakeLedger) running(lease pushd.Lease) *fakeJob {
	if j := l.mine(lease); j != nil && j.State == pushd.Running {
		return j
	}
	return nil
}

func (j *fakeJob) letGo() {
	j.Owner, j.Leased, j.until, j.SendRate, j.runs = pushd.Owner{}, 0, time.Time{}, 0, false
}

func (l *fakeLedger) Release(_ context.Context, lease pushd.Lease) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[lease.Job]
	if j == nil || j.Epoch != lease.Epoch || j.Owner.Instance == "" {
		return nil
	}
	j.letGo()
	if j.State == pushd.Running {
		j.State = pushd.Queued
	}
	return nil
}

func (l *fakeLedger) Park(_ context.Context, lease pushd.Lease, p pushd.Parking) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil {
		return pushd.ErrLost
	}
	j.letGo()
	j.State, j.Reason, j.Detail, j.ParkedUntil = pushd.Parked, p.Reason, p.Detail, p.Until
	return nil
}

// ---- Pages

func (l *fakeLedger) StorePage(_ context.Context, lease pushd.Lease, p pushd.Page, w pushd.Walk) error {
	return l.storePage(lease, p, w, l.nextRev())
}

func (l *fakeLedger) storePage(lease pushd.Lease, p pushd.Page, w pushd.Walk, rev int64) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.mine(lease)
	switch {
	case j == nil:
		return pushd.ErrLost
	case j.Walk.Pages >= p.No:
		return pushd.ErrExists
	case j.Walk.Pages != p.No-1:
		return pushd.ErrLost // a page before it was forgotten
	}
	j.Walk = copyWalk(w)
	var blob []byte
	for i, id := range p.OpenIDs {
		if _, there := j.where[id]; there || id == "" {
			j.twice = append(j.twice, id)
		}
		j.where[id] = [2]int{p.No - 1, i}
		blob = append(append(blob, id...), '\n')
	}
	j.pages = append(j.pages, pushd.Page{No: p.No, OpenIDs: slices.Clone(p.OpenIDs)})
	j.blobs = append(j.blobs, blob)
	j.progress = append(j.progress, fakeProgress{pushd.Progress{Page: p.No, People: len(p.OpenIDs)}, lease.Epoch, rev})
	return nil
}

func copyWalk(w pushd.Walk) pushd.Walk {
	if w.Total != nil {
		total := *w.Total
		w.Total = &total
	}
	return w
}

func (l *fakeLedger) SaveWalk(_ context.Context, lease pushd.Lease, w pushd.Walk) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.mine(lease)
	if j == nil || j.Walk.Pages != w.Pages {
		return pushd.ErrLost
	}
	j.Walk = copyWalk(w)
	return nil
}

func (l *fakeLedger) StartOver(_ context.Context, lease pushd.Lease, passAt pushd.Time) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil || j.Walk.PassAt != 0 && j.Walk.PassAt != passAt {
		return pushd.ErrLost
	}
	j.Walk, j.pages, j.progress, j.where = pushd.Walk{}, nil, nil, map[pushd.OpenID][2]int{}
	j.blobs = nil
	return nil
}

func (l *fakeLedger) Progress(_ context.Context, id pushd.JobID, from, to int) (rows []pushd.Progress, err error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	for no := from; j != nil && no <= min(to, len(j.progress)); no++ {
		row := copyProgress(j.progress[no-1].Progress)
		row.Epoch = j.progress[no-1].epoch
		rows = append(rows, row)
	}
	return rows, nil
}

func copyProgress(p pushd.Progress) pushd.Progress {
	p.Outcomes = slices.Clone(p.Outcomes)
	p.Counts.Errors = maps.Clone(p.Counts.Errors)
	return p
}

func (l *fakeLedger) People(_ context.Context, id pushd.JobID, page, offset, limit int) ([]byte, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil || page > len(j.blobs) {
		return nil, pushd.ErrNotFound
	}
	b := j.blobs[page-1]
	b = b[min(offset, len(b)):]
	return slices.Clone(b[:min(limit, len(b))]), nil
}

// record is Record; rev orders the writes of one process, as package store
// does, so that one that was given up can't land on top of a later one.
func (l *fakeLedger) record(lease pushd.Lease, rows []pushd.Progress, rev int64) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[lease.Job]
	for _, p := range rows {
		if j == nil || p.Page > len(j.progress) {
			return pushd.ErrLost
		}
		row := &j.progress[p.Page-1]
		if row.epoch != lease.Epoch || row.rev > rev {
			return pushd.ErrLost
		}
		people := row.People
		*row = fakeProgress{copyProgress(p), lease.Epoch, rev}
		row.People = people
	}
	return nil
}

func (l *fakeLedger) nextRev() int64 {
	l.lock()
	defer l.mu.Unlock()
	l.rev++
	return l.rev
}

func (l *fakeLedger) Record(_ context.Context, lease pushd.Lease, rows []pushd.Progress) error {
	return l.record(lease, rows, l.nextRev())
}

// ---- Notes

func (l *fakeLedger) Reload(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return l.Job(ctx, id)
}

func (l *fakeLedger) SaveMessage(_ context.Context, lease pushd.Lease, m pushd.Prepared) (int, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil {
		return 0, pushd.ErrLost
	}
	j.Prepared = m
	j.number(m.Message)
	if m.Deadline > 0 && !j.DeadlineAsked {
		j.Deadline = m.Deadline
	}
	if m.StartTime == 0 || m.StartTime == j.StartTime {
		return j.MessageVersion, nil
	}
	run := 0
	for _, o := range l.jobs {
		if o.ActID == j.ActID && o.StartTime == m.StartTime {
			run = max(run, o.Run+1)
		}
	}
	j.StartTime, j.Run = m.StartTime, run
	return j.MessageVersion, nil
}

// number gives the job's message its version.
func (j *fakeJob) number(m *pushd.Message) {
	if n := len(j.messages); m != nil && (n == 0 || !reflect.DeepEqual(j.messages[n-1], *m)) {
		j.messages = append(j.messages, *m)
	}
	j.MessageVersion = len(j.messages)
}

func (l *fakeLedger) SaveQuota(_ context.Context, lease pushd.Lease, remain, shortfall *int64) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.mine(lease)
	if j == nil {
		return pushd.ErrLost
	}
	j.QuotaRemain, j.Shortfall = remain, shortfall
	return nil
}

func (l *fakeLedger) Finish(_ context.Context, lease pushd.Lease, e pushd.Ending) error {
	now := l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil || e.State == pushd.Expired && j.Deadline > now {
		return pushd.ErrLost
	}
	people := int64(0)
	for _, p := range j.pages {
		people += int64(len(p.OpenIDs))
	}
	c := j.read(now).Counts
	if e.State == pushd.Succeeded && (!j.Walk.Complete || c.Settled() != people || people != j.Walk.Walked) {
		return pushd.ErrIncomplete
	}
	j.letGo()
	l.end(j, e, now)
	if ch := l.channels[j.ActID]; ch != nil && ch.StartTime == j.StartTime && l.mayWrite(j, ch.StartTime) {
		job := j.read(now)
		l.setStatus(j.ActID, job.LiveNotifyStatus(l.failed), string(e.State))
	}
	return nil
}

func (l *fakeLedger) end(j *fakeJob, e pushd.Ending, now pushd.Time) {
	j.State, j.Reason, j.Detail = e.State, e.Reason, e.Detail
	j.FinishedAt, j.ParkedUntil = now, 0
	j.Notified = j.Notified || e.State == pushd.Succeeded
	j.Retry = pushd.AgainNobody
}

func (l *fakeLedger) setStatus(id pushd.ActID, status int, why string) {
	if ch := l.channels[id]; ch != nil {
		ch.Status = &status
		l.writes = append(l.writes, fmt.Sprintf("%d %s", status, why))
	}
}

// ---- Channels and housekeeping

func (l *fakeLedger) Channel(_ context.Context, id pushd.ActID) (pushd.Channel, error) {
	l.lock()
	defer l.mu.Unlock()
	if ch := l.channels[id]; ch != nil {
		return *ch, nil
	}
	return pushd.Channel{}, pushd.ErrNotFound
}

func (l *fakeLedger) Texts(_ context.Context, _ pushd.AppID, id pushd.TemplateID) (pushd.Texts, error) {
	l.lock()
	defer l.mu.Unlock()
	if t, ok := l.texts[id]; ok {
		return t, nil
	}
	return pushd.Texts{}, pushd.ErrNotFound
}

// newest says that no job of j's channel is newer.
func (l *fakeLedger) newest(j *fakeJob) bool {
	for _, o := range l.jobs {
		if o.ActID == j.ActID && (o.CreatedAt > j.CreatedAt || o.CreatedAt == j.CreatedAt && o.ID > j.ID) {
			return false
		}
	}
	return true
}

// mayWrite says whether the column of j's channel, which has this start, is j's.
func (l *fakeLedger) mayWrite(j *fakeJob, start int64) bool {
	for _, o := range l.jobs {
		if o.ActID == j.ActID && o.StartTime == start && (j.StartTime != start || o.Run > j.Run) {
			return false
		}
	}
	return j.StartTime == start || l.newest(j)
}

func (l *fakeLedger) Standing(_ context.Context, since pushd.Time, after pushd.JobID, limit int) (jobs []pushd.Job, err error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.jobs)) {
		j := l.jobs[id]
		if id > after && len(jobs) < limit && (j.State.Active() || j.FinishedAt >= since) && l.mayWrite(j, j.StartTime) {
			jobs = append(jobs, j.read(now))
		}
	}
	return jobs, nil
}

func (l *fakeLedger) MendStatus(_ context.Context, seen pushd.Job, start int64, status int) (bool, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[seen.ID]
	if j == nil || j.State != seen.State || j.StartTime != seen.StartTime || j.Notified != seen.Notified || !l.mayWrite(j, start) {
		return false, nil
	}
	if ch := l.channels[j.ActID]; ch != nil && ch.StartTime != start {
		return false, nil
	}
	l.setStatus(j.ActID, status, "mended")
	return true, nil
}

func (l *fakeLedger) Expire(_ context.Context, limit int) (ids []pushd.JobID, err error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.jobs)) {
		j := l.jobs[id]
		if j.State.Active() && j.Deadline <= now && j.Leased == 0 && len(ids) < limit {
			if j.Owner.Instance != "" {
				l.unclean[id]++
			}
			j.letGo()
			j.Epoch++
			j.adopt()
			l.end(j, pushd.Ending{State: pushd.Expired, Reason: pushd.DeadlinePassed, Detail: ""}, now)
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (l *fakeLedger) Purge(context.Context, pushd.Time) (bool, error) { return false, nil }

// ---- Book

func (l *fakeLedger) Job(_ context.Context, id pushd.JobID) (pushd.Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	if j := l.jobs[id]; j != nil {
		return j.read(now), nil
	}
	return pushd.Job{}, pushd.ErrNotFound
}

func (l *fakeLedger) Active(_ context.Context, id pushd.ActID) (pushd.Job, error) {
	return l.pick(func(j *fakeJob) bool { return j.ActID == id && j.State.Active() })
}

func (l *fakeLedger) Newest(_ context.Context, id pushd.ActID, start int64) (pushd.Job, error) {
	return l.pick(func(j *fakeJob) bool { return j.ActID == id && j.StartTime == start })
}

func (l *fakeLedger) Last(_ context.Context, id pushd.ActID) (pushd.Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.ActID == id && l.newest(j) {
			return j.read(now), nil
		}
	}
	return pushd.Job{}, pushd.ErrNotFound
}

// pick returns the job of the highest run that is wanted.
func (l *fakeLedger) pick(wanted func(*fakeJob) bool) (pushd.Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	var best *fakeJob
	for _, j := range l.jobs {
		if wanted(j) && (best == nil || j.Run > best.Run) {
			best = j
		}
	}
	if best == nil {
		return pushd.Job{}, pushd.ErrNotFound
	}
	return best.read(now), nil
}

func (l *fakeLedger) Create(_ context.Context, job pushd.Job) (pushd.Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.ActID == job.ActID && (j.State.Active() || j.StartTime == job.StartTime && j.Run == job.Run) {
			return pushd.Job{}, pushd.ErrExists
		}
	}
	for _, o := range l.jobs {
		if o.ActID == job.ActID {
			now = max(now, o.CreatedAt+1)
		}
	}
	job.CreatedAt, job.State = now, cmp.Or(job.State, pushd.Queued)
	l.identify(&job)
	j := &fakeJob{Job: job, where: map[pushd.OpenID][2]int{}, freed: map[pushd.OpenID]bool{}}
	l.jobs[job.ID] = j
	l.setStatus(job.ActID, pushd.StatusNotifying, "created")
	return j.read(now), nil
}

// identify gives a new job its id at WeChat, and another run where a job that
// followed its channel to another start has the id of this one.
func (l *fakeLedger) identify(job *pushd.Job) {
	for taken := true; taken; {
		job.MsgID = pushd.ReminderMsgID("sim", job.AppID, job.ActID, job.StartTime, job.Run)
		taken = false
		for _, o := range l.jobs {
			taken = taken || o.MsgID == job.MsgID
		}
		if taken {
			job.Run++
		}
	}
}

func (l *fakeLedger) Command(_ context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	switch {
	case j == nil:
		return pushd.Job{}, pushd.ErrNotFound
	case !slices.Contains(cmd.From, j.State), cmd.AskedBefore != nil && !reflect.DeepEqual(*cmd.AskedBefore, j.Asked):
		return pushd.Job{}, pushd.ErrLost
	}
	if cmd.To.Active() && j.State.Ended() {
		for _, o := range l.jobs {
			if o.ActID == j.ActID && o.State.Active() {
				return pushd.Job{}, pushd.ErrExists
			}
		}
	}
	if cmd.Rate != nil {
		j.Rate = *cmd.Rate
	}
	if cmd.Deadline != 0 {
		j.DeadlineAsked = j.DeadlineAsked || cmd.Deadline != j.Deadline
		j.Deadline = cmd.Deadline
	}
	if cmd.Anew || cmd.Resume && j.State == pushd.Parked {
		j.Prepared.Message, j.Prepared.StartTime = nil, 0
	}
	if cmd.Asked != nil {
		j.Asked = *cmd.Asked
	}
	if cmd.Message != nil {
		j.Prepared.Message = cmd.Message
		j.number(cmd.Message)
	}
	if cmd.Resume {
		j.ParkedUntil = 0
		if j.State == pushd.Paused {
			j.State, j.Reason, j.Detail = pushd.Queued, "", ""
			j.queued()
		}
	}
	if cmd.Retry != nil {
		j.Retry = *cmd.Retry
		j.free()
	}
	if cmd.Unpark || cmd.To != "" && cmd.To != pushd.Parked {
		j.ParkedUntil = 0
	}
	if cmd.To != "" {
		if cmd.To != pushd.Paused || j.State != pushd.Paused {
			j.Reason, j.Detail = cmd.Reason, cmd.Detail
		}
		j.State = cmd.To
		j.runs = j.runs && (cmd.To == pushd.Running || j.Leased != 0)
		if cmd.To == pushd.Queued {
			j.queued()
		}
		if cmd.To.Ended() {
			j.Retry = pushd.AgainNobody
		}
		if cmd.To.Ended() {
			j.FinishedAt = max(j.FinishedAt, now)
		} else {
			j.FinishedAt = 0
		}
	}
	return j.read(now), nil
}

// queued gives a job that was queued by a command a new epoch, unless its last
// worker has not let go of it.
func (j *fakeJob) queued() {
	if j.Leased == 0 {
		j.Epoch++
	}
}

// free notes who may be sent to again although they may have it.
func (j *fakeJob) free() {
	for i, p := range j.progress {
		people, _ := pushd.DecodePersons(p.Outcomes, p.People)
		for at, person := range people {
			if j.Retry == pushd.AgainUnknown && person.State == pushd.PersonUnknown {
				j.freed[j.pages[i].OpenIDs[at]] = true
			}
		}
	}
}

// ---- For judges

// person returns what the ledger says about a follower of a job.
func (l *fakeLedger) person(id pushd.JobID, who pushd.OpenID) (p pushd.Person, inDoubt, known bool) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	at, known := j.where[who]
	if !known {
		return p, false, false
	}
	row := j.progress[at[0]]
	people, err := pushd.DecodePersons(row.Outcomes, row.People)
	if err != nil {
		panic(err)
	}
	p = people[at[1]]
	return p, p.State == pushd.InDoubt || p.State == pushd.Untouched && at[1] < row.Mark, true
}

// holder returns who holds the job, under which epoch, and whether the lease
// lasts by the true clock.
func (l *fakeLedger) holder(id pushd.JobID) (pushd.Owner, bool) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	return j.Owner, time.Now().Before(j.until)
}

// sending returns the job whose messages carry an id.
func (l *fakeLedger) sending(id pushd.MsgID) pushd.JobID {
	l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.MsgID == id {
			return j.ID
		}
	}
	return ""
}

// doubtful counts the people of a job who are in doubt without an answer that
// says so: behind the watermark, or given a new try.
func (l *fakeLedger) doubtful(id pushd.JobID) (n int) {
	l.lock()
	defer l.mu.Unlock()
	for _, row := range l.jobs[id].progress {
		people, err := pushd.DecodePersons(row.Outcomes, row.People)
		if err != nil {
			panic(err)
		}
		for i, p := range people {
			if p.State == pushd.InDoubt && p.Code == 0 || p.State == pushd.Untouched && i < row.Mark {
				n++
			}
		}
	}
	return n
}

var (
	_ pushd.Ledger = (*fakeLedger)(nil)
	_ Book         = (*fakeLedger)(nil)
)

// people returns the id of a job's messages, and what is known of its people.
func (l *fakeLedger) people(id pushd.JobID) (pushd.MsgID, map[pushd.OpenID]pushd.Person) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil {
		return "", nil
	}
	all := make(map[pushd.OpenID]pushd.Person, len(j.where))
	for i, row := range j.progress {
		people, err := pushd.DecodePersons(row.Outcomes, row.People)
		if err != nil {
			panic(err)
		}
		for at, p := range people {
			if p.State == pushd.Untouched && at < row.Mark {
				p = pushd.Person{State: pushd.InDoubt, Code: pushd.CodeInDoubt}
			}
			all[j.pages[i].OpenIDs[at]] = p
		}
	}
	return j.MsgID, all
}

func (l *fakeLedger) ids() []pushd.JobID {
	l.lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.jobs))
}

// ---- A database that lags behind, or comes back as it was

// copy returns the database as it is now. Nothing of it changes any more.
func (l *fakeLedger) copy() *fakeLedger {
	l.lock()
	defer l.mu.Unlock()
	return l.copyLocked()
}

func (l *fakeLedger) copyLocked() *fakeLedger {
	c := newFakeLedger()
	c.step, c.texts, c.install = l.step, maps.Clone(l.texts), l.install
	for id, j := range l.jobs {
		same := *j
		same.progress = slices.Clone(j.progress)
		same.pages, same.blobs = slices.Clip(j.pages), slices.Clip(j.blobs)
		c.jobs[id] = &same
	}
	for id, ch := range l.channels {
		same := *ch
		c.channels[id] = &same
	}
	return c
}

// restore makes the database what it was.
func (l *fakeLedger) restore(old *fakeLedger) {
	l.lock()
	defer l.mu.Unlock()
	c := old.copyLocked()
	l.jobs, l.channels, l.texts, l.install = c.jobs, c.channels, c.texts, c.install
	l.lives++
	for _, j := range l.jobs {
		j.where = map[pushd.OpenID][2]int{}
		for no, page := range j.pages {
			for i, id := range page.OpenIDs {
				j.where[id] = [2]int{no, i}
			}
		}
	}
}

// life numbers the times since the database came back as it was.
func (l *fakeLedger) life() int {
	l.lock()
	defer l.mu.Unlock()
	return l.lives
}

// lost is how often a job was taken from a worker that had not given it back.
func (l *fakeLedger) lost(id pushd.JobID) int {
	l.lock()
	defer l.mu.Unlock()
	return l.unclean[id]
}

// now is the database's clock.
func (l *fakeLedger) now() pushd.Time {
	defer l.mu.Unlock()
	return l.lock()
}
