package receipts

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"pushd"
)

// round settles what it can of what has come. After an error nothing is lost: what
// was not settled is there in the next round.
func (k *Keeper) round(ctx context.Context) error {
	k.take()
	if len(k.kept) == 0 {
		clear(k.searches)
		return nil
	}
	byApp := map[pushd.AppID][]receipt{}
	for _, r := range k.kept {
		byApp[r.AppID] = append(byApp[r.AppID], r)
	}
	var left []receipt
	var wrong error
	active := map[pushd.JobID]bool{}
	for app, all := range byApp {
		if wrong != nil {
			left = append(left, all...)
			continue
		}
		rest, err := k.account(ctx, app, all, active)
		left, wrong = append(left, rest...), err
	}
	for id := range k.searches {
		if !active[id] && wrong == nil {
			delete(k.searches, id)
		}
	}
	k.keep(k.bounded(left, wrong))
	return wrong
}

// bounded gives up the oldest receipts where too many are looked for on more pages.
func (k *Keeper) bounded(left []receipt, wrong error) []receipt {
	drop := len(left) - searching
	if drop <= 0 || wrong != nil {
		return left
	}
	slices.SortFunc(left, func(a, b receipt) int { return cmp.Compare(a.At, b.At) })
	k.unmatched.Add(uint64(drop))
	return left[drop:]
}

// account settles the receipts of one account, and returns those that are left.
func (k *Keeper) account(ctx context.Context, app pushd.AppID, all []receipt, active map[pushd.JobID]bool) (left []receipt, err error) {
	all, err = k.current(ctx, app, all)
	if err != nil || len(all) == 0 {
		return all, err
	}
	jobs, err := k.Ledger.SentJobs(ctx, app)
	if err != nil {
		return all, err
	}
	b := &batch{k: k, jobs: jobs}
	for _, r := range all {
		b.aim(r)
	}
	for id := range b.byJob {
		active[id] = true
	}
	for len(b.byJob) > 0 {
		for _, id := range b.aimed() {
			if err := b.settle(ctx, id); err != nil {
				return b.unsettled(), err
			}
		}
	}
	return b.left, nil
}

// current leaves out what was signed with a token of the account's callback that
// has been renewed: whoever it leaked to signs with it, too. It is looked at here,
// and not where a receipt is answered, for there nothing waits for the database.
func (k *Keeper) current(ctx context.Context, app pushd.AppID, all []receipt) ([]receipt, error) {
	if k.Version == nil || !slices.ContainsFunc(all, func(r receipt) bool { return r.Signed }) {
		return all, nil
	}
	version, err := k.Version(ctx, app)
	if err != nil {
		return all, err
	}
	good := slices.DeleteFunc(slices.Clone(all), func(r receipt) bool { return r.Signed && r.Version != version })
	k.renewed.Add(uint64(len(all) - len(good)))
	return good, nil
}

// batch is the receipts of one account in one round.
type batch struct {
	k     *Keeper
	jobs  []pushd.SentJob
	byJob map[pushd.JobID][]receipt // what is tried next
	left  []receipt                 // for the next round
}

// aimed lists the jobs that receipts are to be tried with.
func (b *batch) aimed() (ids []pushd.JobID) {
	for id := range b.byJob {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// unsettled is everything that is not settled.
func (b *batch) unsettled() []receipt {
	for _, rs := range b.byJob {
		b.left = append(b.left, rs...)
	}
	return b.left
}

// aim tries a receipt with the next job that it may belong to, or gives it up.
func (b *batch) aim(r receipt) {
	j := b.job(r)
	if j == nil {
		b.k.unmatched.Add(1)
		return
	}
	if b.byJob == nil {
		b.byJob = map[pushd.JobID][]receipt{}
	}
	b.byJob[j.ID] = append(b.byJob[j.ID], r)
}

// job is the job that a receipt most likely belongs to, of those that were not
// ruled out.
func (b *batch) job(r receipt) (best *pushd.SentJob) {
	for i := range b.jobs {
		j := &b.jobs[i]
		if slices.Contains(r.not, j.ID) || r.At > j.LastSent.Add(pushd.ReceiptsFor) || r.At.Add(skew) < j.StartedAt {
			continue
		}
		if best == nil || likelier(j, best, r.At) {
			best = j
		}
	}
	return best
}

// likelier says that a receipt which WeChat made at a time is a's rather than b's. A
// job that had begun by then comes first, of several the one that went on sending,
// for another may have run while it was paused, and then the one that began last.
// Where none had begun, for the clocks differ, it is the one that began first.
func likelier(a, b *pushd.SentJob, at pushd.Time) bool {
	begun := a.StartedAt <= at
	switch {
	case begun != (b.StartedAt <= at):
		return begun
	case !begun:
		return a.StartedAt < b.StartedAt
	case (a.LastSent >= at) != (b.LastSent >= at):
		return a.LastSent >= at
	}
	return a.StartedAt > b.StartedAt
}

// settle tries the receipts that are aimed at a job: those whose recipients are
// found on one of its pages are saved, others are aimed at another job, or wait
// until the next round has read more pages. On an error they are as before.
func (b *batch) settle(ctx context.Context, id pushd.JobID) error {
	i := slices.IndexFunc(b.jobs, func(j pushd.SentJob) bool { return j.ID == id })
	found, missing, err := b.k.locate(ctx, &b.jobs[i], b.byJob[id])
	if err != nil {
		return err
	}
	foreign, err := b.save(ctx, id, found)
	if err != nil {
		return err
	}
	delete(b.byJob, id)
	for _, r := range missing {
		if b.k.searches[id].done(r) {
			foreign = append(foreign, r)
		} else {
			b.left = append(b.left, r)
		}
	}
	for _, r := range foreign {
		r.not = append(slices.Clip(r.not), id)
		b.aim(r)
	}
	return nil
}

// located is a receipt whose recipient was found.
type located struct {
	receipt
	index int
}

// save saves the receipts of recipients who may have been sent to, by page, and
// returns the others: they can't be of this job.
func (b *batch) save(ctx context.Context, id pushd.JobID, found map[int][]located) (foreign []receipt, err error) {
	var pages []pushd.FoundReceipts
	total := 0
	for no, all := range found {
		rows, err := b.k.Ledger.Progress(ctx, id, no, no)
		if err != nil {
			return nil, err
		}
		page := pushd.FoundReceipts{Page: no}
		sent := mayHaveBeenSent(rows)
		for _, l := range all {
			if !sent(l.index) {
				foreign = append(foreign, l.receipt)
				continue
			}
			page.Receipts = append(page.Receipts, pushd.IndexedReceipt{Index: l.index, Receipt: l.Receipt})
			total++
		}
		pages = append(pages, page)
	}
	if total == 0 {
		return foreign, nil
	}
	gain, err := b.k.Ledger.SaveReceipts(ctx, id, pages)
	if errors.Is(err, pushd.ErrNotFound) { // it went while we looked
		b.k.unmatched.Add(uint64(total))
		return foreign, nil
	}
	if err != nil {
		return nil, err
	}
	b.k.count(gain, total)
	return foreign, nil
}

// mayHaveBeenSent tells by the progress of a page who may have been sent to.
func mayHaveBeenSent(rows []pushd.Progress) func(index int) bool {
	if len(rows) == 0 {
		return func(int) bool { return false }
	}
	people, err := pushd.DecodePersons(rows[0].Outcomes, rows[0].People)
	return func(i int) bool {
		if err != nil || i >= len(people) {
			return err != nil && i < rows[0].Mark // what can't be read rules nothing out
		}
		switch people[i].State {
		case pushd.Untouched:
			return i < rows[0].Mark
		case pushd.InDoubt, pushd.PersonSent, pushd.PersonUnknown:
			return true
		}
		return false
	}
}

// count counts what the ledger has gained by some receipts.
func (k *Keeper) count(gain pushd.ReceiptCounts, total int) {
	for _, r := range pushd.AllReceipts {
		if n := gain.Of(r); n > 0 {
			k.saved[r].Add(uint64(n))
		}
	}
	k.repeated.Add(uint64(max(int64(total)-gain.All(), 0)))
}
