package ledgertest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pushd"
)

// receiptSums are the sums of a job's receipts.
type receiptSums struct {
	pushd.ReceiptCounts
	last   pushd.Time
	closed bool
}

// SentJobs lists the jobs that a receipt may belong to. See pushd.Receipts.
func (l *Memory) SentJobs(_ context.Context, app pushd.AppID) (jobs []pushd.SentJob, err error) {
	now := l.begin()
	defer l.Unlock()
	newest := func(a, b *Job) int { return cmp.Or(-cmp.Compare(a.CreatedAt, b.CreatedAt), -cmp.Compare(a.ID, b.ID)) }
	for _, j := range l.list(50, func(j *Job) bool { return j.AppID == app }, newest) {
		if j.StartedAt == 0 || j.PurgedAt != 0 {
			continue
		}
		sent := pushd.SentJob{ID: j.ID, StartedAt: j.StartedAt, LastSent: max(j.LastSent, j.StartedAt), Pages: j.Walk.Pages, PassAt: j.Walk.PassAt}
		if j.State == pushd.Running {
			sent.LastSent = now
		}
		jobs = append(jobs, sent)
	}
	return jobs, nil
}

// SentPages lists the pages that were sent to. See pushd.Receipts.
func (l *Memory) SentPages(_ context.Context, id pushd.JobID) (pages []int, err error) {
	l.begin()
	defer l.Unlock()
	if j := l.ByID[id]; j != nil {
		for i := range j.Progress {
			if j.Progress[i].Mark > 0 {
				pages = append(pages, i+1)
			}
		}
	}
	slices.Reverse(pages)
	return pages, nil
}

// SaveReceipts merges receipts. See pushd.Receipts.
func (l *Memory) SaveReceipts(_ context.Context, id pushd.JobID, pages []pushd.FoundReceipts) (gain pushd.ReceiptCounts, err error) {
	now := l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	if j == nil || j.PurgedAt != 0 {
		return gain, pushd.ErrNotFound
	}
	for _, p := range pages {
		merged, got := j.receipts[p.Page].Merge(p.Receipts)
		if j.receipts == nil {
			j.receipts = map[int]pushd.PageReceipts{}
		}
		j.receipts[p.Page], gain = merged, gain.Plus(got)
	}
	if gain == (pushd.ReceiptCounts{}) {
		return gain, nil
	}
	if l.sums == nil {
		l.sums = map[pushd.JobID]*receiptSums{}
	}
	if l.sums[id] == nil {
		l.sums[id] = &receiptSums{}
	}
	sum := l.sums[id]
	sum.ReceiptCounts, sum.last, sum.closed = sum.Plus(gain), now, false
	return gain, nil
}

// ReceiptSums reads the sums of receipts. See Ledger.
func (l *Memory) ReceiptSums(_ context.Context, ids []pushd.JobID) (map[pushd.JobID]pushd.ReceiptCounts, error) {
	l.begin()
	defer l.Unlock()
	sums := map[pushd.JobID]pushd.ReceiptCounts{}
	for _, id := range ids {
		if sum := l.sums[id]; sum != nil {
			sums[id] = sum.ReceiptCounts
		}
	}
	return sums, nil
}

// CloseReceipts writes down what has come for jobs that get no more. See
// pushd.Receipts.
func (l *Memory) CloseReceipts(ctx context.Context, quiet time.Duration) (closed int, err error) {
	now := l.begin()
	defer l.Unlock()
	for id, sum := range l.sums {
		if !sum.closed && sum.last < now.Add(-quiet) {
			sum.closed = true
			l.event(ctx, pushd.ReceiptsEvent(id, sum.ReceiptCounts), now)
			closed++
		}
	}
	return closed, nil
}
