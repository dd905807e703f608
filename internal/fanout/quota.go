package fanout

import (
	"context"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/account"
)

// noteQuota asks what is left of today's quota and keeps it with the job, for
// people: an unknown quota blocks nothing, and a short one stops nothing
// before WeChat does.
func (r *run) noteQuota(ctx context.Context) {
	walk, moved := r.frontier.Get()
	for walk.Total == nil && !r.frontier.Ended() {
		select {
		case <-moved:
			walk, moved = r.frontier.Get()
		case <-ctx.Done():
			return
		}
	}
	remain, err := r.wechat.Quota(ctx, account.SendAPI)
	if err != nil || walk.Total == nil {
		return
	}
	short := max(0, *walk.Total-r.job.Counts.Settled()-remain)
	r.note("save quota", r.e.cfg.Ledger.SaveQuota(ctx, r.job.Lease(), &remain, &short))
}

// quotaSpent says that the day's quota is used up, with WeChat's code for it.
type quotaSpent struct{ code int }

func (q *quotaSpent) Error() string { return "the day's quota is used up" }

// quotaLook is how often a quota that is used up is looked at again: owners
// can have it reset.
const quotaLook = 10 * time.Minute

// quotaPark parks until the quota comes back, looking again now and then
// because owners can have it reset.
func (r *run) quotaPark(code int) error {
	now := r.e.clock.Now()
	reset := r.e.quotaReset(now)
	detail := fmt.Sprintf("the account's daily quota of template messages is used up (%d); it comes back at 00:00 Beijing time, or earlier by a reset in WeChat's console", code)
	if d := r.deadline(); reset >= d {
		detail += fmt.Sprintf(". That is after the deadline %s: without a reset the message will not reach the rest", d.Std().Format(time.RFC3339))
	}
	return &parked{pushd.Parking{Reason: pushd.QuotaExhausted, Detail: detail, Until: min(reset, now.Add(quotaLook))}}
}

// quotaReset is the next 00:00 in Beijing, when WeChat's daily quotas start
// again.
func (e *Engine) quotaReset(now pushd.Time) pushd.Time {
	beijing := time.FixedZone("Asia/Shanghai", 8*60*60)
	y, m, d := now.Std().In(beijing).Date()
	return pushd.Time(time.Date(y, m, d+1, 0, 0, 5, 0, beijing).UnixMicro())
}
