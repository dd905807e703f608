package control

import (
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// text is a value of a field.
func text(s string) *string { return &s }

// An edit that can't be sent changes nothing, and says which field is to blame.
func TestController_EditIsChecked(t *testing.T) {
	d := newDesk()
	d.ch.TemplateID, d.ch.Title = "tpl", "Go"
	setTexts(d.ledger, pushd.Texts{TemplateID: "tpl", Fields: map[string]string{"thing1": "{{title}}", "number2": "1"}, URL: "https://texts.example/"})
	setTexts(d.ledger, pushd.Texts{TemplateID: "other", Fields: map[string]string{"thing9": "{{title}}!"}})
	id := d.job(t, pushd.Paused)
	data := func(to map[string]*string) pushd.Edit {
		return pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: to}}
	}
	for name, tc := range map[string]struct {
		edit  pushd.Edit
		code  pushd.ProblemCode
		field string
		want  pushd.Message
	}{
		"one field":        {data(map[string]*string{"thing1": text("new")}), "", "", pushd.Message{TemplateID: "tpl", URL: "https://texts.example/", Data: map[string]string{"thing1": "new", "number2": "1"}}},
		"a field goes":     {data(map[string]*string{"number2": nil}), "", "", pushd.Message{TemplateID: "tpl", URL: "https://texts.example/", Data: map[string]string{"thing1": "Go"}}},
		"an empty field":   {data(map[string]*string{"thing1": text("🙂")}), pushd.CodeMessageInvalid, "data.thing1", pushd.Message{}},
		"no field is left": {data(map[string]*string{"thing1": nil, "number2": nil}), pushd.CodeInvalid, "data", pushd.Message{}},
		"the link":         {pushd.Edit{URL: pushd.Change[string]{Set: true, To: "https://new.example/"}}, "", "", pushd.Message{TemplateID: "tpl", URL: "https://new.example/", Data: map[string]string{"thing1": "Go", "number2": "1"}}},
		"another template": {pushd.Edit{TemplateID: pushd.Change[pushd.TemplateID]{Set: true, To: "other"}}, "", "", pushd.Message{TemplateID: "other", URL: "", Data: map[string]string{"thing9": "Go!"}}},
		"and one of its fields": {pushd.Edit{TemplateID: pushd.Change[pushd.TemplateID]{Set: true, To: "other"}, Data: data(map[string]*string{"thing9": text("a")}).Data}, "", "",
			pushd.Message{TemplateID: "other", Data: map[string]string{"thing9": "a"}}},
		"back to the owner's": {data(nil), "", "", pushd.Message{TemplateID: "tpl", URL: "https://texts.example/", Data: map[string]string{"thing1": "Go", "number2": "1"}}},
	} {
		d.ledger.ByID[id].Asked = pushd.Asked{}
		before := d.ledger.ByID[id].MessageVersion
		job, err := d.Patch(t.Context(), id, pushd.Patch{Edit: tc.edit})
		var p *pushd.Problem
		switch {
		case tc.code != "":
			if !errors.As(err, &p) || p.Code != tc.code || p.Field != tc.field || d.ledger.ByID[id].MessageVersion != before {
				t.Errorf("%s: %+v, %v", name, job, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if m := job.Prepared.Message; m.TemplateID != tc.want.TemplateID || m.URL != tc.want.URL || !maps.Equal(m.Data, tc.want.Data) {
				t.Errorf("%s: %+v", name, m)
			}
		}
	}
	d.ledger.ByID[id].State = pushd.Succeeded
	var p *pushd.Problem
	if _, err := d.Patch(t.Context(), id, pushd.Patch{Edit: data(nil)}); !errors.As(err, &p) || p.Code != pushd.CodeJobEnded {
		t.Errorf("an ended job: %v", err)
	}
	if _, err := d.Patch(t.Context(), "none", pushd.Patch{Edit: data(nil)}); !errors.As(err, &p) || p.Code != pushd.CodeJobNotFound {
		t.Errorf("no job: %v", err)
	}
}

// A job may be paused before its message was made. What an edit leaves alone then
// comes of the template, and where that can't be read the edit is refused: WeChat
// would refuse a message that lacks a field.
func TestController_EditBeforeTheMessageIsMade(t *testing.T) {
	d := newDesk()
	d.ch.TemplateID, d.ch.Title = "tpl", "Go"
	wechat := &asked{unreadable: true, list: []pushd.Template{{ID: "tpl", Content: "主题:{{thing1.DATA}} 时间:{{time2.DATA}}"}}}
	d.cfg.Account = account.New(wechat, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 1))))
	id := d.job(t, pushd.Paused)
	edit := pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": text("new")}}}}
	synctest.Test(t, func(t *testing.T) {
		var p *pushd.Problem
		if job, err := d.Patch(t.Context(), id, edit); !errors.As(err, &p) || p.Code != pushd.CodeWeChatRefused {
			t.Errorf("while the template can't be read: %+v, %v", job.Prepared.Message, err)
		}
		wechat.unreadable = false
		job, err := d.Patch(t.Context(), id, edit)
		if err != nil {
			t.Fatal(err)
		}
		if data := job.Prepared.Message.Data; data["thing1"] != "new" || data["time2"] == "" {
			t.Errorf("the message is %v", data)
		}
	})
}

// After an edit the job's own POST, made again, still finds its job; another
// message does not.
func TestController_PostAfterAnEdit(t *testing.T) {
	d := newDesk()
	posted := pushd.Asked{TemplateID: "tpl", Data: map[string]string{"thing1": "wrong"}}
	out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Asked: posted})
	if err != nil {
		t.Fatal(err)
	}
	id := out.Job.ID
	if _, err := d.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"right", "righter"} {
		if _, err := d.Patch(t.Context(), id, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": &value}}}}); err != nil {
			t.Fatal(err)
		}
	}
	for value, same := range map[string]bool{"wrong": true, "righter": true, "right": false, "else": false} {
		out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Asked: pushd.Asked{Data: map[string]string{"thing1": value}}})
		if (err == nil && out.Job.ID == id) != same {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// Two people who edit different fields at once both find theirs in the message.
func TestController_EditsAtOnce(t *testing.T) {
	d := newDesk()
	setTexts(d.ledger, pushd.Texts{TemplateID: "tpl", Fields: map[string]string{"thing1": "a", "thing2": "a", "thing3": "a", "thing4": "a"}})
	d.ch.TemplateID = "tpl"
	id := d.job(t, pushd.Paused)
	var all sync.WaitGroup
	for _, key := range []string{"thing1", "thing2", "thing3", "thing4"} {
		all.Go(func() {
			if _, err := d.Patch(t.Context(), id, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{key: text("b")}}}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for key, value := range d.ledger.ByID[id].Prepared.Message.Data {
		if value != "b" {
			t.Errorf("%s is lost", key)
		}
	}
}
