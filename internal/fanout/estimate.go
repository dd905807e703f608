package fanout

import (
	"context"
	"errors"
	"fmt"

	"pushd"
	"pushd/internal/compose"
)

// assumedPerSecond is the speed that an estimate assumes where nothing is
// known: what 64 sends in flight reach at 300 ms each, a slow day at WeChat.
const assumedPerSecond = 200

// Estimate says what a POST would do, and does none of it: no job, no status,
// no message. It asks WeChat for the first page, the template and both
// quotas. What stands in the way is in Problems; the error is only for a
// database that does not answer.
func (c *Controller) Estimate(ctx context.Context, req pushd.Request) (pushd.Estimate, error) {
	var est pushd.Estimate
	problem := func(err error) error {
		var p *pushd.Problem
		if errors.As(err, &p) {
			est.Problems = append(est.Problems, *p)
			return nil
		}
		return err
	}
	ch, now, err := c.channel(ctx, req)
	if err != nil {
		if perr := problem(err); perr != nil || ch.ActID == 0 {
			return est, perr
		}
	}
	old, err := c.previous(ctx, req.ActID, ch.StartTime)
	if err != nil {
		return est, err
	}
	if old != nil && old.State.Ended() && !req.Restart && !(req.Continue && old.State != pushd.Succeeded) && !c.lapsed(*old, ch, now) {
		_ = problem(endedProblem(old))
	}
	if _, err := c.mayBegin(req, ch, now); err != nil {
		if err := problem(err); err != nil {
			return est, err
		}
	}
	c.offer(req)
	if err := c.message(ctx, req, ch, &est); err != nil {
		return est, err
	}
	return est, c.figures(ctx, req, &est)
}

// message renders what would be sent.
func (c *Controller) message(ctx context.Context, req pushd.Request, ch pushd.Channel, est *pushd.Estimate) error {
	e := c.engine
	src := compose.Source{Asked: req.Asked, Facts: compose.Facts{Channel: ch, Location: e.cfg.Location}}
	if err := e.lookUp(ctx, e.retry, req.AppID, req.ActID, &src); err != nil {
		return refused(est, err)
	}
	m, err := src.Render()
	var u *compose.Unprepared
	if errors.As(err, &u) {
		est.Problems = append(est.Problems, pushd.Problem{Code: pushd.ProblemCode(u.Reason), Text: u.Detail})
		return nil
	}
	est.Message = m
	return nil
}

// figures asks WeChat how many followers there are and what is left of the
// quotas.
func (c *Controller) figures(ctx context.Context, req pushd.Request, est *pushd.Estimate) error {
	e := c.engine
	var page pushd.FollowerPage
	a, err := e.ask(ctx, req.AppID, req.ActID, func(ctx context.Context, tok pushd.Token) (a pushd.Answer) {
		page, a = e.cfg.WeChat.Page(ctx, tok, "")
		return a
	})
	if err != nil || !a.OK() {
		return refusedBy(est, "the followers can't be listed", a, err)
	}
	est.Total = &page.Total
	seconds := page.Total / int64(e.perSecond(req))
	est.EstimateSeconds = &seconds
	for _, q := range []struct {
		path string
		need int64
		what string
	}{
		{pathSend, page.Total, "messages"},
		{pathFans, page.Total/pushd.PageSize + 1, "calls to list followers"},
	} {
		var remain int64
		a, err := e.ask(ctx, req.AppID, req.ActID, func(ctx context.Context, tok pushd.Token) (a pushd.Answer) {
			remain, a = e.cfg.WeChat.Quota(ctx, tok, q.path)
			return a
		})
		if err != nil || !a.OK() {
			continue // an unknown quota stops nothing
		}
		if q.path == pathSend {
			est.QuotaRemain = &remain
		}
		if remain < q.need {
			est.Problems = append(est.Problems, pushd.Problem{Code: "quota_short", Text: fmt.Sprintf(
				"%d %s are needed and %d are left today; the rest would wait for 00:00 Beijing time, until the deadline", q.need, q.what, remain)})
		}
	}
	return nil
}

// perSecond is the speed that an estimate goes by.
func (e *Engine) perSecond(req pushd.Request) int {
	per := assumedPerSecond
	for _, ceiling := range []int{e.rateFor(req.Rate), e.cfg.TotalRate} {
		if ceiling > 0 {
			per = min(per, ceiling)
		}
	}
	return per
}

// refused turns what stops a job into a problem of the estimate.
func refused(est *pushd.Estimate, err error) error {
	var p *parked
	var end *ended
	switch {
	case errors.As(err, &p):
		est.Problems = append(est.Problems, pushd.Problem{Code: pushd.ProblemCode(p.Reason), Text: p.Detail})
	case errors.As(err, &end):
		est.Problems = append(est.Problems, pushd.Problem{Code: pushd.ProblemCode(end.Reason), Text: end.Detail})
	default:
		return err
	}
	return nil
}

func refusedBy(est *pushd.Estimate, what string, a pushd.Answer, err error) error {
	if err != nil {
		return refused(est, err)
	}
	est.Problems = append(est.Problems, pushd.Problem{Code: "wechat_refused", Text: what + ": " + a.Describe()})
	return nil
}
