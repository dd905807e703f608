package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"pushd"
	"pushd/internal/compose"
)

// edit corrects what a paused job sends, and shows it in the answer. Whoever has
// an earlier version is left alone.
func (c *Controller) edit(ctx context.Context, id pushd.JobID, p pushd.Patch, cmd pushd.Command) (pushd.Job, error) {
	for range 5 { // another client may be editing, too
		job, err := c.job(ctx, id)
		switch {
		case err != nil:
			return pushd.Job{}, err
		case job.State.Active() && job.State != pushd.Paused:
			return pushd.Job{}, &pushd.Problem{Code: pushd.CodeJobNotPaused, Job: &job, Text: fmt.Sprintf(
				"the job is %s; pause it before its message is changed, so that no recipient gets half of it", job.State)}
		case job.State.Ended():
			return pushd.Job{}, &pushd.Problem{Code: pushd.CodeJobEnded, Job: &job, Text: fmt.Sprintf(
				"the job has ended: %s; POST with continue and the new message to send it to the rest", job.State)}
		}
		asked, m, err := c.corrected(ctx, job, p.Edit)
		if err != nil {
			return pushd.Job{}, err
		}
		cmd.Kind, cmd.From, cmd.AskedBefore, cmd.Asked, cmd.Message = pushd.EventMessage, []pushd.State{pushd.Paused}, &job.Asked, &asked, m
		changed, err := c.book.Command(ctx, id, cmd)
		if !errors.Is(err, pushd.ErrLost) {
			return changed, err
		}
	}
	return pushd.Job{}, fmt.Errorf("edit job %s: it keeps changing", id)
}

// corrected is what the job is asked to send after e, and the message that comes
// of it. It is made here, so that whoever makes a mistake sees it.
func (c *Controller) corrected(ctx context.Context, job pushd.Job, e pushd.Edit) (pushd.Asked, *pushd.Message, error) {
	ch, err := c.book.Channel(ctx, job.ActID)
	if err != nil {
		return pushd.Asked{}, nil, channelProblem(err, job.ActID)
	}
	src := compose.Source{Asked: applied(e, job.Asked), Facts: facts(ch, c.cfg.Location, time.Now())}
	before := compose.Source{Asked: job.Asked, Facts: src.Facts}.TemplateID()
	if src.TemplateID() != before {
		src.Asked.Data = nil // those are another template's fields
	}
	lost := src.LookUp(ctx, c.cfg.Retry, c.book, c.cfg.Account.Of(job.AppID, job.ActID))
	if e.Data.Set && e.Data.To != nil {
		data, _ := src.Written()
		if len(data) == 0 && job.Prepared.Message != nil && src.TemplateID() == before {
			data = job.Prepared.Message.Written()
		}
		if len(data) == 0 && lost != nil { // the other fields can't be known: the message would go out without them
			return pushd.Asked{}, nil, composeProblem(lost)
		}
		src.Asked.Data = merged(data, e.Data.To)
		if len(src.Asked.Data) == 0 {
			return pushd.Asked{}, nil, &pushd.Problem{Code: pushd.CodeInvalid, Field: "data", Text: "leaves the message without a field; data: null takes back what was asked for"}
		}
	}
	m, err := src.Render()
	var u *compose.Unprepared
	switch {
	case errors.As(err, &u) && u.Reason == pushd.TemplateFieldsUnknown && lost != nil:
		return pushd.Asked{}, nil, composeProblem(lost)
	case errors.As(err, &u):
		return pushd.Asked{}, nil, ofData(u)
	}
	return src.Asked, m, nil
}

// ofData is why no message can be made, of texts that a call has brought as data and
// not as the fields of a template.
func ofData(u *compose.Unprepared) *pushd.Problem {
	p := u.Problem()
	if name, ok := strings.CutPrefix(p.Field, "fields."); ok {
		p.Field = "data." + name
	}
	return p
}

// applied makes the changes, but for those of data, in what a job was asked to
// send, and remembers what its POST had said.
func applied(e pushd.Edit, asked pushd.Asked) pushd.Asked {
	if asked.Posted == nil {
		posted := asked
		asked.Posted = &posted
	}
	if e.TemplateID.Set {
		asked.TemplateID = e.TemplateID.To
	}
	if e.URL.Set {
		asked.URL = e.URL.To
	}
	if e.MiniProgram.Set {
		asked.MiniProgram = e.MiniProgram.To
	}
	if e.Data.Set && e.Data.To == nil {
		asked.Data = nil
	}
	return asked
}

// merged lays changes over data.
func merged(data map[string]string, changes map[string]*string) map[string]string {
	all := maps.Clone(data)
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range changes {
		if value == nil {
			delete(all, key)
		} else {
			all[key] = *value
		}
	}
	return all
}
