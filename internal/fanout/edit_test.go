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
		w.end()
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
