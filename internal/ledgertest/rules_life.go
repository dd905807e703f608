package ledgertest

import (
	"testing"

	"pushd"
)

func lifeRules() []rule {
	return []rule{
		{"LifeOfAJob", lifeOfAJob},
	}
}

// A job from the POST to the end, as the engine drives it.
func lifeOfAJob(t *testing.T, f *bench) {
	c, err := f.Channel(f.ctx, actID)
	f.ok(err)
	if c.AppID != appID || c.StartTime != start || c.ConfigEnabled == nil || !*c.ConfigEnabled || c.LiveNotify == nil || !*c.LiveNotify || *c.Status != 0 {
		t.Fatalf("channel %+v", c)
	}
	made := f.create(actID, appID)
	if made.State != pushd.Queued || made.CreatedAt == 0 || made.Now == 0 || f.status(actID) != 1 {
		t.Fatalf("created %+v, status %d", made, f.status(actID))
	}
	due, err := f.Due(f.ctx, 10)
	f.ok(err)
	if len(due) != 1 || due[0] != made.ID {
		t.Fatalf("due %v", due)
	}
	j, err := f.Claim(f.ctx, alice, made.ID, term)
	f.ok(err)
	if j.State != pushd.Running || j.Epoch != 1 || j.Owner != alice || j.StartedAt == 0 || j.Leased <= j.Now {
		t.Fatalf("claimed %+v", j)
	}
	l := j.Lease()
	f.message(l, pushd.Prepared{Message: &pushd.Message{TemplateID: "tpl1", Data: map[string]string{"thing1": "第一课 🙂"}}, StartTime: start, Deadline: future})
	ids := []pushd.OpenID{"oA", "oB", "oC", "oD"}
	f.ok(f.StorePage(f.ctx, l, pushd.Page{No: 1, OpenIDs: ids}, pushd.Walk{Pass: 1, Cursor: "oD", Pages: 1, Walked: 4}))
	f.want(f.Finish(f.ctx, l, pushd.Ending{State: pushd.Succeeded}), pushd.ErrIncomplete)
	f.ok(f.SaveWalk(f.ctx, l, pushd.Walk{Pass: 1, Cursor: "oD", Pages: 1, Walked: 4, Complete: true}))
	b, err := f.People(f.ctx, j.ID, 1, 3, 4)
	f.ok(err)
	if string(b) != "oB\no" {
		t.Errorf("people %q", b)
	}
	f.record(l, 1, sent, skipped, failed)
	f.want(f.Finish(f.ctx, l, pushd.Ending{State: pushd.Succeeded}), pushd.ErrIncomplete)
	if f.status(actID) != 1 {
		t.Errorf("a finish that was refused wrote status %d", f.status(actID))
	}
	f.record(l, 1, sent, skipped, failed, unknown)
	f.ok(f.Finish(f.ctx, l, pushd.Ending{State: pushd.Succeeded}))
	j = f.job(j.ID)
	if j.State != pushd.Succeeded || !j.Notified || j.FinishedAt == 0 || j.Owner != (pushd.Owner{}) || f.status(actID) != 2 {
		t.Fatalf("finished %+v, status %d", j, f.status(actID))
	}
	if c := j.Counts; c.Sent != 1 || c.Skipped != 1 || c.Failed != 1 || c.Unknown != 1 || c.Errors[43004] != 1 || c.Errors[pushd.CodeTimeout] != 1 {
		t.Errorf("counts %+v", c)
	}
	if j.Prepared.Message.Data["thing1"] != "第一课 🙂" {
		t.Errorf("message %+v", j.Prepared.Message)
	}
}
