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
)

// fakeLedger is the database of the simulation: the rules of package store on
// maps. It never fails by itself; what a process sees of it goes through a
// wire (see fakewire_test.go). Every method is one transaction.
type fakeLedger struct {
	mu       sync.Mutex
	step     time.Duration // the database's clock, less the true one
	failed   int           // PUSHD_STATUS_FAILED
	rev      int64
	jobs     map[JobID]*fakeJob
	channels map[ActID]*Channel
	texts    map[TemplateID]Texts
	// unclean counts the claims of a job that its last worker never gave
	// back: as often may people have been sent to without the ledger knowing
	// what came of it.
	unclean map[JobID]int
	writes  []string // of live_notify_status, in order
	install Installation
}

type fakeJob struct {
	Job
	runs     bool // active_appid is set
	until    time.Time
	pages    []Page
	blobs    [][]byte
	progress []fakeProgress
	where    map[OpenID][2]int // page and index, from 0
	twice    []OpenID          // people who were stored a second time
	freed    map[OpenID]bool   // reopened although they may have been told
	messages []Message         // by version, from 1
}

type fakeProgress struct {
	Progress
	epoch, rev int64
}

func newFakeLedger() *fakeLedger {
	return &fakeLedger{
		failed: 3, jobs: map[JobID]*fakeJob{}, channels: map[ActID]*Channel{},
		texts: map[TemplateID]Texts{}, unclean: map[JobID]int{},
		install: Installation{Counter: Counter{Installation: "sim"}},
	}
}

// lock begins a transaction and returns its time.
func (l *fakeLedger) lock() Time {
	l.mu.Lock()
	return Time(time.Now().Add(l.step).UnixMicro())
}

// ---- Leases

func (l *fakeLedger) Now(context.Context) (Time, error) {
	defer l.mu.Unlock()
	return l.lock(), nil
}

func (l *fakeLedger) TakeBack(_ context.Context, o Owner) (int, error) {
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
	j.runs = j.runs && j.State == Running
}

func (l *fakeLedger) Leases(context.Context) (held []Observation, err error) {
	l.lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.jobs)) {
		if j := l.jobs[id]; j.Leased != 0 {
			held = append(held, Observation{j.Lease(), int64(j.Leased), j.LeaseTerm})
		}
	}
	return held, nil
}

func (l *fakeLedger) Lapse(_ context.Context, seen Observation) (bool, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[seen.Job]
	if j == nil || j.Epoch != seen.Epoch || int64(j.Leased) != seen.Mark {
		return false, nil
	}
	j.lapse()
	return true, nil
}

func (j *fakeJob) claimable(now Time) bool {
	return j.Leased == 0 && (j.State == Queued || j.State == Running || j.State == Parked && j.ParkedUntil <= now)
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

func (l *fakeLedger) Due(_ context.Context, limit int) ([]JobID, error) {
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
	var ids []JobID
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

func (l *fakeLedger) Claim(_ context.Context, o Owner, id JobID, term time.Duration) (Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil || !j.State.Active() || !j.claimable(now) {
		return Job{}, ErrLost
	}
	if l.busy(j) {
		return Job{}, ErrAccountBusy
	}
	if j.Owner.Instance != "" {
		l.unclean[id]++
	}
	reason, until := j.Reason, j.ParkedUntil
	j.Epoch++
	j.Owner, j.State, j.runs = o, Running, true
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
func (j *fakeJob) read(now Time) Job {
	job := j.Job
	job.Now = now
	job.Counts = Counts{Errors: map[int]int64{}}
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

func (l *fakeLedger) Renew(_ context.Context, o Owner, term time.Duration, held []Held) (lost []JobID, err error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, h := range held {
		if j := l.jobs[h.Job]; j != nil && j.Owner == o && j.Epoch == h.Epoch && (j.Leased != 0 || j.State == Running) {
			j.Leased, j.until, j.LeaseTerm, j.SendRate = now.Add(term), time.Now().Add(term), term, h.SendRate
		} else {
			lost = append(lost, h.Job)
		}
	}
	return lost, nil
}

func (l *fakeLedger) Orders(_ context.Context, o Owner) (orders []Order, err error) {
	l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.Owner == o {
			orders = append(orders, Order{j.Lease(), j.State, j.Rate, j.Deadline})
		}
	}
	return orders, nil
}

// mine finds the job about whose people l may write.
func (l *fakeLedger) mine(lease Lease) *fakeJob {
	j := l.jobs[lease.Job]
	if j == nil || j.Epoch != lease.Epoch || j.Owner.Instance == "" || j.State.Ended() {
		return nil
	}
	return j
}

// running finds the job about which l may decide.
func (l *fakeLedger) running(lease Lease) *fakeJob {
	if j := l.mine(lease); j != nil && j.State == Running {
		return j
	}
	return nil
}

func (j *fakeJob) letGo() {
	j.Owner, j.Leased, j.until, j.SendRate, j.runs = Owner{}, 0, time.Time{}, 0, false
}

func (l *fakeLedger) Release(_ context.Context, lease Lease) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[lease.Job]
	if j == nil || j.Epoch != lease.Epoch || j.Owner.Instance == "" {
		return nil
	}
	j.letGo()
	if j.State == Running {
		j.State = Queued
	}
	return nil
}

func (l *fakeLedger) Park(_ context.Context, lease Lease, p Parking) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil {
		return ErrLost
	}
	j.letGo()
	j.State, j.Reason, j.Detail, j.ParkedUntil = Parked, p.Reason, p.Detail, p.Until
	return nil
}

// ---- Pages

func (l *fakeLedger) StorePage(_ context.Context, lease Lease, p Page, w Walk) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.mine(lease)
	switch {
	case j == nil:
		return ErrLost
	case j.Walk.Pages >= p.No:
		return ErrExists
	case j.Walk.Pages != p.No-1:
		return fmt.Errorf("page %d follows page %d", p.No, j.Walk.Pages)
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
	j.pages = append(j.pages, Page{p.No, slices.Clone(p.OpenIDs)})
	j.blobs = append(j.blobs, blob)
	j.progress = append(j.progress, fakeProgress{Progress{Page: p.No, People: len(p.OpenIDs)}, lease.Epoch, 0})
	return nil
}

func copyWalk(w Walk) Walk {
	if w.Total != nil {
		total := *w.Total
		w.Total = &total
	}
	return w
}

func (l *fakeLedger) SaveWalk(_ context.Context, lease Lease, w Walk) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.mine(lease)
	if j == nil || j.Walk.Pages != w.Pages {
		return ErrLost
	}
	j.Walk = copyWalk(w)
	return nil
}

func (l *fakeLedger) StartOver(_ context.Context, lease Lease, passAt Time) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil || j.Walk.PassAt != 0 && j.Walk.PassAt != passAt {
		return ErrLost
	}
	j.Walk, j.pages, j.progress, j.where = Walk{}, nil, nil, map[OpenID][2]int{}
	j.blobs = nil
	return nil
}

func (l *fakeLedger) Progress(_ context.Context, id JobID, from, to int) (rows []Progress, err error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	for no := from; j != nil && no <= min(to, len(j.progress)); no++ {
		rows = append(rows, copyProgress(j.progress[no-1].Progress))
	}
	return rows, nil
}

func copyProgress(p Progress) Progress {
	p.Outcomes = slices.Clone(p.Outcomes)
	p.Counts.Errors = maps.Clone(p.Counts.Errors)
	return p
}

func (l *fakeLedger) People(_ context.Context, id JobID, page, offset, limit int) ([]byte, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil || page > len(j.blobs) {
		return nil, ErrNotFound
	}
	b := j.blobs[page-1]
	b = b[min(offset, len(b)):]
	return slices.Clone(b[:min(limit, len(b))]), nil
}

// record is Record; rev orders the writes of one process, as package store
// does, so that one that was given up can't land on top of a later one.
func (l *fakeLedger) record(lease Lease, rows []Progress, rev int64) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[lease.Job]
	for _, p := range rows {
		if j == nil || p.Page > len(j.progress) {
			return ErrLost
		}
		row := &j.progress[p.Page-1]
		if row.epoch != lease.Epoch || row.rev > rev {
			return ErrLost
		}
		*row = fakeProgress{copyProgress(p), lease.Epoch, rev}
	}
	return nil
}

func (l *fakeLedger) nextRev() int64 {
	l.lock()
	defer l.mu.Unlock()
	l.rev++
	return l.rev
}

func (l *fakeLedger) Record(_ context.Context, lease Lease, rows []Progress) error {
	return l.record(lease, rows, l.nextRev())
}

// ---- Notes

func (l *fakeLedger) Reload(ctx context.Context, id JobID) (Job, error) { return l.Job(ctx, id) }

func (l *fakeLedger) SaveMessage(_ context.Context, lease Lease, m Prepared) (int, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil {
		return 0, ErrLost
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
func (j *fakeJob) number(m *Message) {
	if n := len(j.messages); m != nil && (n == 0 || !reflect.DeepEqual(j.messages[n-1], *m)) {
		j.messages = append(j.messages, *m)
	}
	j.MessageVersion = len(j.messages)
}

func (l *fakeLedger) SaveQuota(_ context.Context, lease Lease, remain, shortfall *int64) error {
	l.lock()
	defer l.mu.Unlock()
	j := l.mine(lease)
	if j == nil {
		return ErrLost
	}
	j.QuotaRemain, j.Shortfall = remain, shortfall
	return nil
}

func (l *fakeLedger) Finish(_ context.Context, lease Lease, e Ending) error {
	now := l.lock()
	defer l.mu.Unlock()
	j := l.running(lease)
	if j == nil {
		return ErrLost
	}
	people := int64(0)
	for _, p := range j.pages {
		people += int64(len(p.OpenIDs))
	}
	c := j.read(now).Counts
	if e.State == Succeeded && (!j.Walk.Complete || c.Settled() != people || people != j.Walk.Walked) {
		return ErrIncomplete
	}
	j.letGo()
	l.end(j, e, now)
	if ch := l.channels[j.ActID]; ch != nil && ch.StartTime == j.StartTime && l.newest(j) {
		l.setStatus(j.ActID, Projection(j.read(now), l.failed), string(e.State))
	}
	return nil
}

func (l *fakeLedger) end(j *fakeJob, e Ending, now Time) {
	j.State, j.Reason, j.Detail = e.State, e.Reason, e.Detail
	j.FinishedAt, j.ParkedUntil = now, 0
	j.Notified = j.Notified || e.State == Succeeded
	j.Retry = AgainNobody
}

func (l *fakeLedger) setStatus(id ActID, status int, why string) {
	if ch := l.channels[id]; ch != nil {
		ch.Status = &status
		l.writes = append(l.writes, fmt.Sprintf("%d %s", status, why))
	}
}

// ---- Channels and housekeeping

func (l *fakeLedger) Channel(_ context.Context, id ActID) (Channel, error) {
	l.lock()
	defer l.mu.Unlock()
	if ch := l.channels[id]; ch != nil {
		return *ch, nil
	}
	return Channel{}, ErrNotFound
}

func (l *fakeLedger) Texts(_ context.Context, _ AppID, id TemplateID) (Texts, error) {
	l.lock()
	defer l.mu.Unlock()
	if t, ok := l.texts[id]; ok {
		return t, nil
	}
	return Texts{}, ErrNotFound
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

func (l *fakeLedger) Standing(_ context.Context, since Time, after JobID, limit int) (jobs []Job, err error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.jobs)) {
		j := l.jobs[id]
		if id > after && len(jobs) < limit && (j.State.Active() || j.FinishedAt >= since) && l.newest(j) {
			jobs = append(jobs, j.read(now))
		}
	}
	return jobs, nil
}

func (l *fakeLedger) MendStatus(_ context.Context, seen Job, start int64, status int) (bool, error) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[seen.ID]
	if j == nil || j.State != seen.State || j.StartTime != seen.StartTime || j.Notified != seen.Notified || !l.newest(j) {
		return false, nil
	}
	if ch := l.channels[j.ActID]; ch != nil && ch.StartTime != start {
		return false, nil
	}
	l.setStatus(j.ActID, status, "mended")
	return true, nil
}

func (l *fakeLedger) Expire(_ context.Context, limit int) (ids []JobID, err error) {
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
			l.end(j, Ending{Expired, DeadlinePassed, ""}, now)
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (l *fakeLedger) Purge(context.Context, Time) (bool, error) { return false, nil }

// ---- Book

func (l *fakeLedger) Job(_ context.Context, id JobID) (Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	if j := l.jobs[id]; j != nil {
		return j.read(now), nil
	}
	return Job{}, ErrNotFound
}

func (l *fakeLedger) Active(_ context.Context, id ActID) (Job, error) {
	return l.pick(func(j *fakeJob) bool { return j.ActID == id && j.State.Active() })
}

func (l *fakeLedger) Newest(_ context.Context, id ActID, start int64) (Job, error) {
	return l.pick(func(j *fakeJob) bool { return j.ActID == id && j.StartTime == start })
}

func (l *fakeLedger) Last(_ context.Context, id ActID) (Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.ActID == id && l.newest(j) {
			return j.read(now), nil
		}
	}
	return Job{}, ErrNotFound
}

// pick returns the job of the highest run that is wanted.
func (l *fakeLedger) pick(wanted func(*fakeJob) bool) (Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	var best *fakeJob
	for _, j := range l.jobs {
		if wanted(j) && (best == nil || j.Run > best.Run) {
			best = j
		}
	}
	if best == nil {
		return Job{}, ErrNotFound
	}
	return best.read(now), nil
}

func (l *fakeLedger) Create(_ context.Context, job Job) (Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.ActID == job.ActID && (j.State.Active() || j.StartTime == job.StartTime && j.Run == job.Run) {
			return Job{}, ErrExists
		}
	}
	job.CreatedAt, job.State = now, cmp.Or(job.State, Queued)
	l.identify(&job)
	j := &fakeJob{Job: job, where: map[OpenID][2]int{}, freed: map[OpenID]bool{}}
	l.jobs[job.ID] = j
	l.setStatus(job.ActID, StatusNotifying, "created")
	return j.read(now), nil
}

// identify gives a new job its id at WeChat, and another run where a job that
// followed its channel to another start has the id of this one.
func (l *fakeLedger) identify(job *Job) {
	for taken := true; taken; {
		job.MsgID = ReminderMsgID("sim", job.AppID, job.ActID, job.StartTime, job.Run)
		taken = false
		for _, o := range l.jobs {
			taken = taken || o.MsgID == job.MsgID
		}
		if taken {
			job.Run++
		}
	}
}

func (l *fakeLedger) Command(_ context.Context, id JobID, cmd Command) (Job, error) {
	now := l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	switch {
	case j == nil:
		return Job{}, ErrNotFound
	case !slices.Contains(cmd.From, j.State), cmd.AskedBefore != nil && !reflect.DeepEqual(*cmd.AskedBefore, j.Asked):
		return Job{}, ErrLost
	}
	if cmd.To.Active() && j.State.Ended() {
		for _, o := range l.jobs {
			if o.ActID == j.ActID && o.State.Active() {
				return Job{}, ErrExists
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
	if cmd.Anew || cmd.Resume && j.State == Parked {
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
		if j.State == Paused {
			j.State, j.Reason, j.Detail = Queued, "", ""
			j.queued()
		}
	}
	if cmd.Retry != nil {
		j.Retry = *cmd.Retry
		j.free()
	}
	if cmd.Unpark || cmd.To != "" && cmd.To != Parked {
		j.ParkedUntil = 0
	}
	if cmd.To != "" {
		if cmd.To != Paused || j.State != Paused {
			j.Reason, j.Detail = cmd.Reason, cmd.Detail
		}
		j.State = cmd.To
		j.runs = j.runs && (cmd.To == Running || j.Leased != 0)
		if cmd.To == Queued {
			j.queued()
		}
		if cmd.To.Ended() {
			j.Retry = AgainNobody
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
		people, _ := DecodePersons(p.Outcomes, p.People)
		for at, person := range people {
			if j.Retry == AgainUnknown && person.State == PersonUnknown {
				j.freed[j.pages[i].OpenIDs[at]] = true
			}
		}
	}
}

// ---- For judges

// person returns what the ledger says about a follower of a job.
func (l *fakeLedger) person(id JobID, who OpenID) (p Person, inDoubt, known bool) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	at, known := j.where[who]
	if !known {
		return p, false, false
	}
	row := j.progress[at[0]]
	people, err := DecodePersons(row.Outcomes, row.People)
	if err != nil {
		panic(err)
	}
	p = people[at[1]]
	return p, p.State == InDoubt || p.State == Untouched && at[1] < row.Mark, true
}

// holder returns who holds the job, under which epoch, and whether the lease
// lasts by the true clock.
func (l *fakeLedger) holder(id JobID) (Owner, bool) {
	l.lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	return j.Owner, time.Now().Before(j.until)
}

// sending returns the job whose messages carry an id.
func (l *fakeLedger) sending(id MsgID) JobID {
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
func (l *fakeLedger) doubtful(id JobID) (n int) {
	l.lock()
	defer l.mu.Unlock()
	for _, row := range l.jobs[id].progress {
		people, err := DecodePersons(row.Outcomes, row.People)
		if err != nil {
			panic(err)
		}
		for i, p := range people {
			if p.State == InDoubt && p.Code == 0 || p.State == Untouched && i < row.Mark {
				n++
			}
		}
	}
	return n
}

var (
	_ Ledger = (*fakeLedger)(nil)
	_ Book   = (*fakeLedger)(nil)
)

// lost is how often a job was taken from a worker that had not given it back.
func (l *fakeLedger) lost(id JobID) int {
	l.lock()
	defer l.mu.Unlock()
	return l.unclean[id]
}
