// Package allowance counts the recipients whom a job may attempt before a person
// has seen what came of them, and lets the rest follow.
//
// It counts in the order of the list, in which recipients are sent to: those of
// whom the ledger says that they may have been sent to come off first. So the
// number holds over crashes and takeovers without a count of its own.
package allowance

import "pushd"

// Allowance is that of one round. A nil one is any number of recipients. Not for
// several goroutines at once.
type Allowance struct {
	left    int64
	reached bool
}

// Of is the allowance of a job. before is how many recipients of a list that was
// dropped may have been sent to. It reads nothing that a run changes meanwhile,
// so the job is not copied.
func Of(j *pushd.Job, before int) *Allowance {
	if j.First == 0 || j.FirstPassed {
		return nil
	}
	return &Allowance{left: int64(j.First - before)}
}

// Page takes off the recipients of a page who may have been sent to, whatever came
// of it. Whoever was skipped without being asked is none of them.
func (a *Allowance) Page(p pushd.Progress) error {
	if a == nil {
		return nil
	}
	people, err := pushd.DecodePersons(p.Outcomes, p.People)
	if err != nil {
		return err
	}
	for i, person := range people {
		untouched := person.State == pushd.Untouched && i >= p.Mark
		unasked := person.State == pushd.PersonSkipped && pushd.SkippedUnasked(int(person.Code))
		if !untouched && !unasked {
			a.left--
		}
	}
	return nil
}

// Take takes off a recipient who was never sent to, and says whether that may
// happen.
func (a *Allowance) Take() bool {
	if a == nil {
		return true
	}
	if a.left <= 0 {
		a.reached = true
		return false
	}
	a.left--
	return true
}

// Reached says that a recipient was left out.
func (a *Allowance) Reached() bool { return a != nil && a.reached }
