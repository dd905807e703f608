package fanout

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// reader is a WeChat that keeps the text by which each recipient was told: the
// first one that was accepted, as with one client_msg_id.
type reader struct {
	pushd.WeChat
	mu    *sync.Mutex
	texts map[pushd.OpenID]string
}

func (r reader) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	a := r.WeChat.Send(ctx, tok, letter, to)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, told := r.texts[to]; !told && (a.OK() || a.Ambiguous) {
		r.texts[to] = string(letter.Tail)
	}
	return a
}

// texted runs f in a world of n followers, and returns what each was told.
func texted(t *testing.T, n int, faults fault, f func(t *testing.T, w *sim)) map[pushd.OpenID]string {
	t.Helper()
	var mu sync.Mutex
	texts := map[pushd.OpenID]string{}
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, faults, false)
		w.wechat.followers = ids(0, n)
		setTexts(w.ledger, pushd.Texts{TemplateID: "tpl", Fields: map[string]string{"thing1": "{{title}}", "time2": "{{startTime}}"}})
		w.change = func(c *Config) { c.WeChat = reader{c.WeChat, &mu, texts} }
		w.boot(0)
		w.post(1, pushd.Request{Rate: 20})
		f(t, w)
		for _, p := range w.processes {
			p.stop()
		}
		w.all.Wait()
		w.late.Wait()
		for _, text := range w.wrong {
			t.Error(text)
		}
	})
	return texts
}

// versions counts the recipients who were told by the version that the ledger
// has of them.
func (w *sim) versions() map[int32]int {
	n := map[int32]int{}
	for _, j := range w.ledger.ByID {
		for _, row := range j.Progress {
			people, err := pushd.DecodePersons(row.Outcomes, row.People)
			if err != nil {
				w.violated("%v", err)
			}
			for _, p := range people {
				if p.State == pushd.PersonSent {
					n[p.Code]++
				}
			}
		}
	}
	return n
}

func text(s string) *string { return &s }

// A text that is wrong is put right in the middle of a job: who has it keeps it,
// everybody else gets the new one, nobody gets both, and the ledger knows which.
func TestController_EditInTheMiddle(t *testing.T) {
	var versions map[int32]int
	texts := texted(t, 100, 0, func(t *testing.T, w *sim) {
		time.Sleep(3 * time.Second)
		c, id := w.controller(), w.job().ID
		_, err := c.Patch(t.Context(), id, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": text("x")}}}})
		var p *pushd.Problem
		if !errors.As(err, &p) || p.Code != pushd.CodeJobNotPaused {
			t.Errorf("while the job runs: %v", err)
		}
		if _, err := c.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		job, err := c.Patch(t.Context(), id, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": text("the right {{title}}")}}}})
		if err != nil || job.State != pushd.Paused || job.MessageVersion != 2 || job.Prepared.Message.Data["thing1"] != "the right Go" || job.Prepared.Message.Data["time2"] == "" {
			t.Fatalf("edited: %+v, %v", job, err)
		}
		if job, err = c.Patch(t.Context(), id, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": text("the right {{title}}")}}}}); err != nil || job.MessageVersion != 2 {
			t.Errorf("twice: version %d, %v", job.MessageVersion, err)
		}
		if _, err := c.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.within(time.Minute)
		versions = w.versions()
	})
	told := map[int32]int{}
	for _, s := range texts {
		if strings.Contains(s, "the right") {
			told[2]++
		} else {
			told[1]++
		}
	}
	if !maps.Equal(told, versions) || told[1] == 0 || told[2] == 0 || told[1]+told[2] != 100 {
		t.Errorf("told by version %v, the ledger says %v", told, versions)
	}
}

// Who was in doubt when a process died may have an earlier text: WeChat takes
// the new one for a repetition. The ledger does not claim to know.
func TestController_EditAfterACrash(t *testing.T) {
	var versions map[int32]int
	texts := texted(t, 100, timeouts, func(t *testing.T, w *sim) {
		time.Sleep(3 * time.Second)
		w.kill(w.processes[0])
		w.boot(0)
		c, id := w.controller(), w.job().ID
		if _, err := c.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if _, err := c.Patch(t.Context(), id, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": text("the right {{title}}")}}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.within(3 * time.Minute)
		versions = w.versions()
	})
	if versions[0] == 0 || versions[1] == 0 || versions[2] == 0 || versions[0]+versions[1]+versions[2] != len(texts) {
		t.Errorf("by version: %v, of %d", versions, len(texts))
	}
}

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
