package fanout

import (
	"context"
	"errors"
	"time"

	"pushd"
	"pushd/internal/compose"
)

// prepareErr maps a failed preparation to the end of the job.
func prepareErr(u *compose.Unprepared) error {
	return &ended{pushd.Ending{State: pushd.Failed, Reason: u.Reason, Detail: u.Detail + "; then POST with continue"}}
}

// prepare makes the job's message, unless an earlier life of the job already
// has for the same start. It runs beside the first page.
func (r *run) prepare(ctx context.Context) error {
	ch, err := r.readChannel(ctx, r.job.StartTime)
	p := r.job.Prepared
	if bad := pushd.BadChannel(err); bad != nil {
		ch.StartTime, err = p.StartTime, r.withBadChannel(bad)
	}
	if err != nil {
		return err
	}
	if p.Message == nil || p.StartTime != ch.StartTime {
		if p, err = r.render(ctx, ch); err != nil {
			return err
		}
		if err := r.retry.do(ctx, "save message", func(ctx context.Context) (err error) {
			r.job.MessageVersion, err = r.e.cfg.Ledger.SaveMessage(ctx, r.job.Lease(), p)
			return err
		}); err != nil {
			return err
		}
		r.job.Prepared = p
		if p.StartTime != 0 {
			r.job.StartTime = p.StartTime
		}
		if p.Deadline != 0 { // unless a person set one meanwhile
			job, err := r.reload(ctx)
			if err != nil {
				return err
			}
			r.setDeadline(job.Deadline)
		}
	}
	r.letter = p.Message.Letter(r.job.MsgID)
	r.startTime.Store(p.StartTime)
	return nil
}

// render makes the message from what the job, the owner, the platform and
// WeChat know.
func (r *run) render(ctx context.Context, ch pushd.Channel) (pushd.Prepared, error) {
	src := compose.Source{Asked: r.job.Asked, Facts: compose.Facts{Channel: ch, Location: r.e.cfg.Location}}
	if err := r.e.lookUp(ctx, r.retry, r.job.AppID, r.job.ActID, &src); err != nil {
		return pushd.Prepared{}, err
	}
	m, err := src.Render()
	if err != nil {
		var u *compose.Unprepared
		errors.As(err, &u)
		return pushd.Prepared{}, prepareErr(u)
	}
	var deadline pushd.Time
	if !r.job.DeadlineAsked && ch.StartTime != r.job.StartTime {
		deadline = pushd.DefaultDeadline(ch.StartTime, r.job.CreatedAt, r.e.cfg.Grace)
	}
	return pushd.Prepared{Message: m, StartTime: ch.StartTime, Deadline: deadline}, nil
}

// lookUp adds to src what the owner wrote for its template and, where that
// does not say what the fields are, what WeChat lists.
func (e *Engine) lookUp(ctx context.Context, retry retrier, appID pushd.AppID, actID pushd.ActID, src *compose.Source) error {
	id := src.TemplateID()
	if id == "" || len(src.Asked.Data) > 0 && src.Asked.URL != "" {
		return nil
	}
	err := retry.do(ctx, "read texts", func(ctx context.Context) error {
		t, err := e.cfg.Ledger.Texts(ctx, appID, id)
		if err == nil {
			src.Texts = &t
		}
		return err
	})
	if err != nil && !errors.Is(err, pushd.ErrNotFound) {
		return err
	}
	if len(src.Asked.Data) > 0 || src.Texts != nil && (len(src.Texts.Fields) > 0 || src.Texts.Content != "") {
		return nil
	}
	list, err := e.templates(ctx, appID, actID)
	src.Template = compose.FindTemplate(list, id)
	return err
}

// templates lists an account's templates, with another token if the first is
// refused, and again while WeChat is busy.
func (e *Engine) templates(ctx context.Context, appID pushd.AppID, actID pushd.ActID) ([]pushd.Template, error) {
	var list []pushd.Template
	a, err := e.ask(ctx, appID, actID, func(ctx context.Context, tok pushd.Token) (a pushd.Answer) {
		list, a = e.cfg.WeChat.Templates(ctx, tok)
		return a
	})
	switch {
	case err != nil:
		return nil, err
	case a.OK():
		return list, nil
	case a.Verdict == pushd.Busy, a.Verdict == pushd.Slower, a.Verdict == pushd.Quota, a.Verdict == pushd.TokenRefused:
		return nil, &parked{pushd.Parking{Reason: pushd.WeChatDown, Detail: "the account's templates can't be listed: " + a.Describe(), Until: e.clock.now().Add(15 * time.Second)}}
	}
	return nil, nil // not listed is not wrong: most templates never are
}

// ask calls WeChat, and again with a fresh token if the token is refused, and
// up to four times in all while WeChat is busy.
func (e *Engine) ask(ctx context.Context, appID pushd.AppID, actID pushd.ActID, call func(context.Context, pushd.Token) pushd.Answer) (pushd.Answer, error) {
	tok, err := e.cfg.Tokens.Token(ctx, appID, actID)
	if err != nil {
		return pushd.Answer{}, parkForToken(e.clock.now(), err)
	}
	for tries := 1; ; tries++ {
		a := call(ctx, tok)
		switch {
		case a.Verdict == pushd.TokenRefused && tries < 4:
			if tok, err = e.cfg.Tokens.Refused(ctx, appID, actID, tok); err != nil {
				return a, parkForToken(e.clock.now(), err)
			}
		case a.Verdict == pushd.Busy && tries < 4:
			if !sleep(ctx, e.jitter.backoff(tries)) {
				return a, context.Cause(ctx)
			}
		default:
			return a, nil
		}
	}
}

// The APIs whose quota a job needs.
const (
	pathSend = "/cgi-bin/message/template/send"
	pathFans = "/cgi-bin/user/get"
)

// noteQuota asks what is left of today's quota and keeps it with the job, for
// people: an unknown quota blocks nothing, and a short one stops nothing
// before WeChat does.
func (r *run) noteQuota(ctx context.Context) {
	walk, moved := r.frontier.get()
	for walk.Total == nil && !r.frontier.ended() {
		select {
		case <-moved:
			walk, moved = r.frontier.get()
		case <-ctx.Done():
			return
		}
	}
	var remain int64
	a, err := r.e.ask(ctx, r.job.AppID, r.job.ActID, func(ctx context.Context, tok pushd.Token) (a pushd.Answer) {
		remain, a = r.e.cfg.WeChat.Quota(ctx, tok, pathSend)
		return a
	})
	if err != nil || !a.OK() || walk.Total == nil {
		return
	}
	short := max(0, *walk.Total-r.job.Counts.Settled()-remain)
	r.note("save quota", r.e.cfg.Ledger.SaveQuota(ctx, r.job.Lease(), &remain, &short))
}
