package control

import (
	"context"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/audience"
)

// audienceProblem refuses to go on with a job for another audience than its own,
// of which some may have the message.
func audienceProblem(req pushd.Request, job pushd.Job) error {
	if req.Audience == "" || req.Audience == job.Audience.Or("") {
		return nil
	}
	return &pushd.Problem{Code: pushd.CodeAudienceDiffers, Field: "audience", Job: &job, Text: fmt.Sprintf(
		"the job is for the audience %s, which stays as it was accepted. To send to %s as well, or instead, cancel the job and POST with restart: whoever is in both gets the message again",
		job.Audience.Or(""), req.Audience)}
}

// listFirst is how long a POST waits for the first of an audience.
const listFirst = 2 * time.Second

// mayList refuses a reminder whose audience pushd is not set up to list. What the
// database or WeChat says about it is seen when the job lists it.
func (c *Controller) mayList(ctx context.Context, id pushd.ActID, who pushd.Audience) error {
	if who != pushd.AudienceSubscribers {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listFirst)
	defer cancel()
	// As many as the job will read at once: the first of them may be no openids.
	page, err := c.book.Subscribers(ctx, id, "", pushd.PageSize)
	if bad := pushd.BadAudience(err); bad != nil {
		return &pushd.Problem{Code: pushd.CodeAudienceUnavailable, Field: "audience", Text: bad.Text}
	}
	if err == nil && len(page.OpenIDs) == 0 && page.Odd > 0 {
		return noOpenIDs(page.Odd)
	}
	return nil // also where the database does not answer: the POST will hear that from others
}

// noOpenIDs refuses a list of so many rows: a job would end as if no one had asked.
func noOpenIDs(rows int) *pushd.Problem {
	return &pushd.Problem{Code: pushd.CodeAudienceUnavailable, Field: "audience", Text: pushd.NoOpenIDs(rows)}
}

// count says how many the audience has.
func (c *Controller) count(ctx context.Context, req pushd.Request, ch pushd.Channel, est *pushd.Estimate) error {
	est.Audience = req.Audience.Or(ch.Audience)
	list := audience.Of(est.Audience, c.cfg.Account.Of(req.AppID, req.ActID), req.ActID, c.book, c.cfg.Retry)
	n, a, err := audience.Number(ctx, list)
	code := pushd.CodeWeChatRefused
	if err == nil && !a.OK() {
		if err = (&account.Refused{What: "the audience " + string(est.Audience) + " can't be listed", Answer: a}); a.Cause == pushd.CauseAudience {
			code = pushd.CodeAudienceUnavailable
		}
	}
	if err != nil {
		return refused(est, err, code)
	}
	est.Total = n.Total
	switch {
	case n.Odd > 0 && est.Audience == pushd.AudienceSubscribers && *n.Total == 0:
		est.Problems = append(est.Problems, *noOpenIDs(n.Odd))
	case n.Odd > 0:
		est.Problems = append(est.Problems, pushd.Problem{Code: "audience_odd", Text: fmt.Sprintf("%d of the list are no openids; nothing can be sent to them", n.Odd)})
	}
	return nil
}

// needs are the calls of WeChat's that a reminder to so many takes today.
func needs(who pushd.Audience, total int64) []need {
	all := []need{{account.SendAPI, total, "messages"}}
	if _, tag := who.Tag(); tag {
		return append(all, need{account.TaggedAPI, total/pushd.PageSize + 1, "calls to list the tag"})
	}
	if who.Listed() {
		return append(all, need{account.FollowersAPI, total/pushd.PageSize + 1, "calls to list followers"})
	}
	return all
}

// need is how many calls of an API are needed, and for what.
type need struct {
	api  string
	n    int64
	what string
}

// Tags lists the account's tags, for a person to choose one.
func (c *Composer) Tags(ctx context.Context, appID pushd.AppID) ([]pushd.Tag, error) {
	tags, err := c.cfg.Account.Of(appID, 0).Tags(ctx)
	return tags, composeProblem(err)
}
