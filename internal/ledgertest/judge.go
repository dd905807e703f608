package ledgertest

import (
	"maps"
	"slices"
	"time"

	"pushd"
)

// Person returns what the ledger says about a follower of a job.
func (l *Memory) Person(id pushd.JobID, who pushd.OpenID) (p pushd.Person, inDoubt, known bool) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	at, known := j.Where[who]
	if !known {
		return p, false, false
	}
	row := j.Progress[at[0]]
	people, err := pushd.DecodePersons(row.Outcomes, row.People)
	if err != nil {
		panic(err)
	}
	p = people[at[1]]
	return p, p.State == pushd.InDoubt || p.State == pushd.Untouched && at[1] < row.Mark, true
}

// Holder returns who holds the job, and whether the lease lasts by the true
// clock.
func (l *Memory) Holder(id pushd.JobID) (pushd.Owner, bool) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	return j.Owner, time.Now().Before(j.until)
}

// Sending returns the job whose messages carry an id.
func (l *Memory) Sending(id pushd.MsgID) pushd.JobID {
	l.begin()
	defer l.Unlock()
	for _, j := range l.ByID {
		if j.MsgID == id {
			return j.ID
		}
	}
	return ""
}

// Doubtful counts the recipients of a job who are in doubt without an answer
// that says so: behind the watermark, or given a new try.
func (l *Memory) Doubtful(id pushd.JobID) (n int) {
	l.begin()
	defer l.Unlock()
	for _, row := range l.ByID[id].Progress {
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

// Everyone returns the id of a job's messages, and what is known of its
// recipients.
func (l *Memory) Everyone(id pushd.JobID) (pushd.MsgID, map[pushd.OpenID]pushd.Person) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	if j == nil {
		return "", nil
	}
	all := make(map[pushd.OpenID]pushd.Person, len(j.Where))
	for no := range j.Progress {
		for i, p := range j.Progress[no].people() {
			all[j.Pages[no].OpenIDs[i]] = p
		}
	}
	return j.MsgID, all
}

// IDs lists all jobs.
func (l *Memory) IDs() []pushd.JobID {
	l.begin()
	defer l.Unlock()
	return slices.Sorted(maps.Keys(l.ByID))
}

// Lost is how often a job was taken from a worker that had not given it back.
func (l *Memory) Lost(id pushd.JobID) int {
	l.begin()
	defer l.Unlock()
	return l.Unclean[id]
}
