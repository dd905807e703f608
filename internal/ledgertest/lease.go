package ledgertest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pushd"
)

// Now reads the database's clock.
func (l *Memory) Now(context.Context) (pushd.Time, error) { return l.Clock(), nil }

// TakeBack lapses the leases of an earlier start. See pushd.Leases.
func (l *Memory) TakeBack(_ context.Context, o pushd.Owner) (int, error) {
	l.begin()
	defer l.Unlock()
	n := 0
	for _, j := range l.ByID {
		if j.Owner.Instance == o.Instance && j.Owner.Boot != o.Boot && j.Leased != 0 {
			j.lapse()
			n++
		}
	}
	return n, nil
}

// lapse frees a lease that was not given back.
func (j *Job) lapse() {
	j.Leased, j.until = 0, time.Time{}
	j.runs = j.runs && j.State == pushd.Running
}

// Leases lists the leases that are held. See pushd.Leases.
func (l *Memory) Leases(context.Context) (held []pushd.Observation, err error) {
	l.begin()
	defer l.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.ByID)) {
		if j := l.ByID[id]; j.Leased != 0 {
			held = append(held, pushd.Observation{Lease: j.Lease(), Mark: int64(j.Leased), Term: j.LeaseTerm})
		}
	}
	return held, nil
}

// Lapse frees a lease that was observed not to change. See pushd.Leases.
func (l *Memory) Lapse(_ context.Context, seen pushd.Observation) (bool, error) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[seen.Job]
	if j == nil || j.Epoch != seen.Epoch || int64(j.Leased) != seen.Mark {
		return false, nil
	}
	j.lapse()
	return true, nil
}

func (j *Job) claimable(now pushd.Time) bool {
	return j.Leased == 0 && (j.State == pushd.Queued || j.State == pushd.Running || j.State == pushd.Parked && j.ParkedUntil <= now)
}

// busy says that another job of j's account runs.
func (l *Memory) busy(j *Job) bool {
	for _, o := range l.ByID {
		if o.runs && o.AppID == j.AppID && o.ID != j.ID {
			return true
		}
	}
	return false
}

// Due lists jobs that can be claimed. See pushd.Leases.
func (l *Memory) Due(_ context.Context, limit int) ([]pushd.JobID, error) {
	now := l.begin()
	defer l.Unlock()
	due := l.list(limit, func(j *Job) bool { return j.claimable(now) && l.hold(j.AppID) == nil && !l.busy(j) }, byDeadline)
	return ids(due), nil
}

// byDeadline is the order in which jobs are taken up.
func byDeadline(a, b *Job) int {
	return cmp.Or(cmp.Compare(a.Deadline, b.Deadline), cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// list returns up to limit of the jobs that are wanted, in order.
func (l *Memory) list(limit int, wanted func(*Job) bool, order func(a, b *Job) int) []*Job {
	var found []*Job
	for _, j := range l.ByID {
		if wanted(j) {
			found = append(found, j)
		}
	}
	slices.SortFunc(found, order)
	return found[:min(len(found), limit)]
}

func ids(jobs []*Job) []pushd.JobID {
	var all []pushd.JobID
	for _, j := range jobs {
		all = append(all, j.ID)
	}
	return all
}

// Claim takes a job. See pushd.Leases.
func (l *Memory) Claim(ctx context.Context, o pushd.Owner, id pushd.JobID, term time.Duration) (pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	if j == nil || !j.claimable(now) || l.hold(j.AppID) != nil {
		return pushd.Job{}, pushd.ErrLost
	}
	if l.busy(j) {
		return pushd.Job{}, pushd.ErrAccountBusy
	}
	if j.Owner.Instance != "" {
		l.Unclean[id]++
	}
	reason, until := j.Reason, j.ParkedUntil
	j.Epoch++
	j.Owner, j.State, j.runs, j.SendRate = o, pushd.Running, true, 0
	j.Leased, j.until, j.LeaseTerm = now.Add(term), time.Now().Add(term), term
	j.StartedAt = cmp.Or(j.StartedAt, now)
	j.Reason, j.Detail, j.ParkedUntil = "", "", 0
	j.adopt()
	job := l.read(j, now)
	job.Reason, job.ParkedUntil = reason, until
	l.event(ctx, pushd.ClaimedEvent(job), now)
	return job, nil
}

// adopt gives the job's progress to its current epoch.
func (j *Job) adopt() {
	for i := range j.Progress {
		j.Progress[i].epoch, j.Progress[i].rev = j.Epoch, 0
	}
}

// Renew prolongs leases. See pushd.Leases.
func (l *Memory) Renew(_ context.Context, o pushd.Owner, term time.Duration, held []pushd.Held) (lost []pushd.JobID, err error) {
	now := l.begin()
	defer l.Unlock()
	for _, h := range held {
		if j := l.ByID[h.Job]; j != nil && j.Owner == o && j.Epoch == h.Epoch && (j.Leased != 0 || j.State == pushd.Running) {
			if j.SendRate > 0 {
				j.waitingSince = 0
			}
			if j.Leased == 0 && j.LeaseTerm == term { // for observers it is another one, whatever the clock says
				j.LeaseTerm = term + time.Microsecond
			} else {
				j.LeaseTerm = term
			}
			j.Leased, j.until, j.SendRate = max(now.Add(term), j.Leased+1), time.Now().Add(term), h.SendRate
			j.LastSent = max(j.LastSent, h.LastSent)
		} else {
			lost = append(lost, h.Job)
		}
	}
	return lost, nil
}

// Orders reads what commands have made of held jobs. See pushd.Leases.
func (l *Memory) Orders(_ context.Context, o pushd.Owner) (orders []pushd.Order, err error) {
	l.begin()
	defer l.Unlock()
	for _, j := range l.ByID {
		if j.Owner == o {
			orders = append(orders, pushd.Order{Lease: j.Lease(), State: j.State, Rate: j.Rate, Deadline: j.Deadline, OnHold: l.hold(j.AppID) != nil})
		}
	}
	return orders, nil
}

// writable finds the job about whose recipients a worker may write.
func (l *Memory) writable(lease pushd.Lease) *Job {
	j := l.ByID[lease.Job]
	if j == nil || j.Epoch != lease.Epoch || j.Owner.Instance == "" || j.State.Ended() {
		return nil
	}
	return j
}

// endable finds the job about which a worker may decide.
func (l *Memory) endable(lease pushd.Lease) *Job {
	if j := l.writable(lease); j != nil && j.State == pushd.Running {
		return j
	}
	return nil
}

// release gives the lease up.
func (j *Job) release() {
	j.Owner, j.Leased, j.until, j.SendRate, j.runs = pushd.Owner{}, 0, time.Time{}, 0, false
}

// Release gives a lease back. See pushd.Leases.
func (l *Memory) Release(_ context.Context, lease pushd.Lease) error {
	now := l.begin()
	defer l.Unlock()
	j := l.ByID[lease.Job]
	if j == nil || j.Epoch != lease.Epoch || j.Owner.Instance == "" {
		return nil
	}
	j.release()
	j.wait(now)
	if j.State == pushd.Running {
		j.State = pushd.Queued
	}
	j.StoreTotals()
	return nil
}

// Park ends the work on a running job until it is due. See pushd.Leases.
func (l *Memory) Park(ctx context.Context, lease pushd.Lease, p pushd.Parking) error {
	now := l.begin()
	defer l.Unlock()
	j := l.endable(lease)
	if j == nil {
		return pushd.ErrLost
	}
	j.release()
	j.wait(now)
	j.State, j.Reason, j.Detail, j.ParkedUntil = pushd.Parked, p.Reason, pushd.ClipDetail(p.Detail), p.Until
	if j.Forced && p.Reason == pushd.InQuietHours {
		j.ParkedUntil = 0
	}
	if p.Pause {
		j.State = pushd.Paused
	}
	l.event(ctx, pushd.ParkedEvent(j.ID, p), now)
	return nil
}
