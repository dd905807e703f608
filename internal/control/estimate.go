package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/account"
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
	if err := jobProblem(req, old, ch); err != nil {
		_ = problem(err)
	}
	if old != nil && old.State.Ended() && !req.Restart && !(req.Continue && old.State != pushd.Succeeded) && !c.lapsed(*old, ch, now) {
		_ = problem(endedProblem(old))
	}
	if old != nil && !req.Restart {
		if err := audienceProblem(req, *old); err != nil {
			_ = problem(err)
		}
	}
	if _, err := c.mayBegin(req, ch, now); err != nil {
		if err := problem(err); err != nil {
			return est, err
		}
	}
	if old == nil || old.State.Ended() && !req.Continue {
		if _, err := c.mayFollow(ctx, req, ch, now); err != nil {
			if err := problem(err); err != nil {
				return est, err
			}
		}
	}
	if wait, err := c.wouldWait(ctx, req.AppID); err != nil {
		return est, err
	} else if wait != nil {
		est.Problems = append(est.Problems, *wait)
	}
	c.offer(req)
	if err := c.message(ctx, req, ch, &est); err != nil {
		return est, err
	}
	return est, c.figures(ctx, req, ch, &est)
}

// message renders what would be sent.
func (c *Controller) message(ctx context.Context, req pushd.Request, ch pushd.Channel, est *pushd.Estimate) error {
	src := compose.Source{Asked: req.Asked, Facts: facts(ch, c.cfg.Location, time.Now())}
	if err := src.LookUp(ctx, c.cfg.Retry, c.book, c.cfg.Account.Of(req.AppID, req.ActID)); err != nil {
		return refused(est, err, pushd.ProblemCode(pushd.WeChatDown))
	}
	m, err := src.Render()
	var u *compose.Unprepared
	if errors.As(err, &u) {
		p := u.Problem()
		if len(req.Asked.Data) > 0 {
			p = ofData(u)
		}
		est.Problems = append(est.Problems, *p)
		return nil
	}
	est.Message = m
	return nil
}

// figures counts the audience, and asks WeChat what is left of the quotas.
func (c *Controller) figures(ctx context.Context, req pushd.Request, ch pushd.Channel, est *pushd.Estimate) error {
	if err := c.count(ctx, req, ch, est); err != nil || est.Total == nil {
		return err
	}
	wechat := c.cfg.Account.Of(req.AppID, req.ActID)
	seconds := *est.Total / int64(c.cfg.perSecond(req))
	est.EstimateSeconds = &seconds
	for _, q := range needs(est.Audience, *est.Total) {
		remain, err := wechat.Quota(ctx, q.api)
		if err != nil {
			continue // an unknown quota stops nothing
		}
		if q.api == account.SendAPI {
			est.QuotaRemain = &remain
		}
		if remain < q.n {
			est.Problems = append(est.Problems, pushd.Problem{Code: "quota_short", Text: fmt.Sprintf(
				"%d %s are needed and %d are left today; the rest would wait for 00:00 Beijing time, until the deadline", q.n, q.what, remain)})
		}
	}
	return nil
}

// perSecond is the speed that an estimate goes by.
func (c Config) perSecond(req pushd.Request) int {
	per := assumedPerSecond
	for _, ceiling := range []int{req.Rate, c.Rate, c.TotalRate} {
		if ceiling > 0 {
			per = min(per, ceiling)
		}
	}
	return per
}

// refused turns why a call to the account came to nothing into a problem of the
// estimate; code is that of an answer of WeChat's.
func refused(est *pushd.Estimate, err error, code pushd.ProblemCode) error {
	var none *account.NoToken
	var answer *account.Refused
	switch {
	case errors.As(err, &none) && !errors.Is(err, context.Canceled):
		est.Problems = append(est.Problems, pushd.Problem{Code: pushd.CodeTokenUnavailable, Text: none.Error()})
	case errors.As(err, &answer):
		est.Problems = append(est.Problems, pushd.Problem{Code: code, Text: answer.Error(), Why: answered(answer.Answer)})
	default:
		return err
	}
	return nil
}
