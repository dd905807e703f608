// Package earlier keeps what is known of the recipients of a list that a job has
// dropped, because another account's token had given it: they may be on its next
// list, too.
package earlier

import (
	"slices"

	"pushd"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/pagebuffer"
)

// Lists are the lists that a job has dropped. They outlive a claim, but not the
// process; after a crash their recipients are sent to again under the same id. The
// zero value knows no recipient.
type Lists struct {
	job    pushd.JobID
	doubts map[pushd.OpenID]pushd.Time   // who may have the message: when they were sent to
	put    map[pushd.OpenID]pushd.Person // whom WeChat asked to be left alone for a while
}

// Of returns what is known of a job's lists. What is known of another job's is
// dropped: an account has one running job at a time.
func (l *Lists) Of(job pushd.JobID) Lists {
	if l.job != job {
		*l = Lists{job, map[pushd.OpenID]pushd.Time{}, map[pushd.OpenID]pushd.Person{}}
	}
	return *l
}

// Drop keeps what is known of a page that will be dropped. openids gives its
// recipients, and is not asked if nothing is known of any.
func (l Lists) Drop(row pushd.Progress, openids func() ([]pushd.OpenID, error)) error {
	people, err := pushd.DecodePersons(row.Outcomes, row.People)
	if err != nil {
		return err
	}
	if row.Mark == 0 && !slices.ContainsFunc(people, func(p pushd.Person) bool { return p.Defers > 0 }) {
		return nil
	}
	ids, err := openids()
	if err != nil {
		return err
	}
	for i, id := range ids {
		switch p := people[i]; {
		case p.State == pushd.InDoubt, p.State == pushd.Untouched && i < row.Mark:
			l.doubts[id] = row.DoubtAt
		case p.State == pushd.Refused && p.Defers > 0:
			l.put[id] = p
		default: // WeChat's patience is not the list's
			if before, ok := deferral.GivenUp(p); ok {
				l.put[id] = before
			}
		}
	}
	return nil
}

// Doubts is how many recipients may have the message.
func (l Lists) Doubts() int { return len(l.doubts) }

// Doubtful says whether a recipient may have the message, and when they were sent
// to.
func (l Lists) Doubtful(id pushd.OpenID) (at pushd.Time, may bool) {
	at, may = l.doubts[id]
	return at, may
}

// PutOff says that WeChat asked for patience with a recipient.
func (l Lists) PutOff() bool { return len(l.put) > 0 }

// Recall notes on a page of a new list who of its recipients was put off.
func (l Lists) Recall(page *pagebuffer.Buffer, openids []pushd.OpenID) {
	for i, id := range openids {
		if p, put := l.put[id]; put {
			page.Recall(i, p)
		}
	}
}
