package control

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd/internal/account"
	"pushd/internal/retry"

	"pushd"
)

// oneToken is the only one.
type oneToken struct{ pushd.Tokens }

func (oneToken) Token(context.Context, pushd.AppID, pushd.ActID) (pushd.Token, error) {
	return "t", nil
}

func (oneToken) Doubted(context.Context, pushd.AppID, pushd.ActID, pushd.Token) (pushd.Token, error) {
	return "t", nil
}

// asked counts what WeChat is asked; it lists templates, or answers that it
// can't be understood.
type asked struct {
	pushd.WeChat
	list              []pushd.Template
	unreadable        bool
	templates, others int
}

func (w *asked) Templates(context.Context, pushd.Token) ([]pushd.Template, pushd.Answer) {
	w.templates++
	if w.unreadable {
		return nil, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Text: "the answer is not WeChat's JSON"}
	}
	return w.list, pushd.Answer{}
}

func (w *asked) Page(context.Context, pushd.Token, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	w.others++
	return pushd.FollowerPage{Total: 1 << 30}, pushd.Answer{}
}

// shelf is a TextBook.
type shelf struct {
	texts map[pushd.TemplateID]pushd.Texts
	ch    pushd.Channel
	jobs  []pushd.Job
}

func (s *shelf) Subscribers(context.Context, pushd.ActID, pushd.OpenID, int) (pushd.FollowerPage, error) {
	return pushd.FollowerPage{}, &pushd.AudienceError{Text: "there are none"}
}
func (s *shelf) Channel(context.Context, pushd.ActID) (pushd.Channel, error) { return s.ch, nil }
func (s *shelf) Texts(_ context.Context, _ pushd.AppID, id pushd.TemplateID) (pushd.Texts, error) {
	t, ok := s.texts[id]
	if !ok {
		return t, pushd.ErrNotFound
	}
	return t, nil
}
func (s *shelf) SaveTexts(_ context.Context, _ pushd.AppID, t pushd.Texts) error {
	s.texts[t.TemplateID] = t
	return nil
}
func (s *shelf) Jobs(_ context.Context, f pushd.Filter) ([]pushd.Job, string, error) {
	if f.AppID != "wx" || f.Limit == 0 {
		return nil, "", errors.New("asked for others' jobs")
	}
	return s.jobs, "", nil
}

func newComposer() (*Composer, *shelf, *asked) {
	w := &asked{list: []pushd.Template{{ID: "t", Title: "开播提醒", Content: "课程:{{thing1.DATA}}\n时间:{{time2.DATA}}"}}}
	minutes := int64(30)
	s := &shelf{texts: map[pushd.TemplateID]pushd.Texts{}, ch: pushd.Channel{ActID: 1, AppID: "wx", Title: "课", StartTime: 1772366400, NotifyMinutes: &minutes}}
	cfg := Config{
		Account: account.New(w, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2)))), Tokens: oneToken{},
		DedupWindow: 9 * time.Minute, Grace: time.Hour, Location: time.UTC,
	}
	return NewComposer(s, cfg), s, w
}

// A look at a message may be had at every keystroke: it lists no followers,
// and asks for the templates once in a while, and not at all where the owner
// pasted what fields there are.
func TestComposer_PreviewCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, w := newComposer()
		draft := pushd.Texts{TemplateID: "t", Fields: map[string]string{"thing1": "还有{{ minutes }}分钟", "time2": "{{startTime}}"}}
		for range 520 {
			p, err := c.Preview(t.Context(), "wx", "t", 1, &draft)
			if err != nil || p.Message.Data["thing1"] != "还有30分钟" || p.Lines[0].Label != "课程" || len(p.Warnings) != 0 {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		if w.others != 0 || w.templates != 1 {
			t.Errorf("520 looks asked for the templates %d times, and for followers %d times", w.templates, w.others)
		}
		time.Sleep(listFor)
		if _, err := c.Preview(t.Context(), "wx", "t", 1, nil); err != nil || w.templates != 2 {
			t.Errorf("after a while: %v, asked %d times", err, w.templates)
		}
		draft.Content = "直播:{{thing9.DATA}}"
		draft.Fields = map[string]string{"thing9": "{{title}}"}
		time.Sleep(listFor)
		if p, err := c.Preview(t.Context(), "wx", "u", 1, &draft); err != nil || p.Lines[0].Label != "直播" || w.templates != 2 {
			t.Errorf("%+v, %v, asked %d times", p, err, w.templates)
		}
		s.texts["u"] = pushd.Texts{TemplateID: "u", Content: "直播:{{thing9.DATA}}"}
		if p, err := c.Preview(t.Context(), "wx", "u", 1, nil); err != nil || p.Message.Data["thing9"] != "课" || w.templates != 2 {
			t.Errorf("%+v, %v, asked %d times", p, err, w.templates)
		}
	})
}

// A listed template whose texts are saved keeps its labels without the list.
func TestComposer_LabelsStayAfterSaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, w := newComposer()
		fields := map[string]string{"thing1": "{{title}}", "time2": "{{startTime}}"}
		if _, err := c.Save(t.Context(), "wx", pushd.Texts{TemplateID: "t", Fields: fields}); err != nil {
			t.Fatal(err)
		}
		asked := w.templates
		c = NewComposer(s, c.cfg) // another process, which has listed nothing yet
		draft := pushd.Texts{TemplateID: "t", Fields: fields}
		for _, d := range []*pushd.Texts{nil, &draft} {
			p, err := c.Preview(t.Context(), "wx", "t", 1, d)
			if err != nil || len(p.Lines) != 2 || p.Lines[0].Label != "课程" || p.Lines[1].Label != "时间" || len(p.Warnings) != 0 {
				t.Errorf("%+v, %v", p, err)
			}
		}
		if w.templates != asked {
			t.Errorf("two looks asked WeChat %d times", w.templates-asked)
		}
	})
}

// A preview shows the minutes that will be left when the message leaves.
func TestComposer_PreviewCountsTheMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for before, want := range map[time.Duration]string{
			time.Hour: "还有30分钟开播", 10 * time.Minute: "还有10分钟开播", 0: "还有30分钟开播", // a stream of the past shows how it was meant
		} {
			c, s, _ := newComposer()
			s.ch.StartTime = time.Now().Add(before).Unix()
			p, err := c.Preview(t.Context(), "wx", "t", 1, &pushd.Texts{Content: "课:{{thing1.DATA}}", Fields: map[string]string{"thing1": "还有{{minutes}}分钟开播"}})
			if err != nil || p.Lines[0].Value != want {
				t.Errorf("%s before: %+v, %v", before, p, err)
			}
		}
	})
}

// A draft that can't be sent names the field.
func TestComposer_PreviewNamesTheField(t *testing.T) {
	for text, code := range map[string]pushd.ProblemCode{"{{标题}}": pushd.CodeMessageInvalid, "😀": pushd.CodeMessageInvalid} {
		c, _, _ := newComposer()
		_, err := c.Preview(t.Context(), "wx", "t", 1, &pushd.Texts{Fields: map[string]string{"thing1": text}})
		var p *pushd.Problem
		if !errors.As(err, &p) || p.Code != code || p.Field != "fields.thing1" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// An owner can save texts when WeChat's list can't be read: with the content
// pasted, now or earlier; and is told that this is the way.
func TestComposer_SaveWithoutTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, w := newComposer()
		w.unreadable = true
		fields := map[string]string{"thing1": "{{title}}"}
		var p *pushd.Problem
		if _, err := c.Save(t.Context(), "wx", pushd.Texts{TemplateID: "t", Fields: fields}); !errors.As(err, &p) || p.Code != pushd.CodeWeChatRefused || !strings.Contains(p.Text, "paste the template's content") {
			t.Errorf("nothing is known of the fields: %v", err)
		}
		if _, err := c.Template(t.Context(), "wx", "t"); !errors.As(err, &p) || p.Code != pushd.CodeWeChatRefused {
			t.Errorf("nothing to show: %v", err)
		}
		const content = "课程:{{thing1.DATA}}"
		v, err := c.Save(t.Context(), "wx", pushd.Texts{TemplateID: "t", Fields: fields, Content: content})
		if err != nil || !v.Saved || v.Texts["thing1"] != "{{title}}" || s.texts["t"].Content != content {
			t.Errorf("content pasted: %+v, %v", v, err)
		}
		again := map[string]string{"thing1": "{{title}}开播"}
		v, err = c.Save(t.Context(), "wx", pushd.Texts{TemplateID: "t", Fields: again})
		if err != nil || v.Texts["thing1"] != "{{title}}开播" || s.texts["t"].Content != content {
			t.Errorf("content pasted earlier: %+v, %v; kept %q", v, err, s.texts["t"].Content)
		}
		if v, err = c.Template(t.Context(), "wx", "t"); err != nil || v.Content != content || len(v.Fields) != 1 {
			t.Errorf("shown: %+v, %v", v, err)
		}
		if _, err := c.Save(t.Context(), "wx", pushd.Texts{TemplateID: "t", Fields: map[string]string{"thing2": "x"}}); !errors.As(err, &p) || p.Field != "fields.thing2" {
			t.Errorf("a field that is not there: %v", err)
		}
		w.unreadable = false
		if _, err := c.Save(t.Context(), "wx", pushd.Texts{TemplateID: "t", Fields: again}); !errors.As(err, &p) || p.Field != "fields.time2" {
			t.Errorf("WeChat's own list wins over what was pasted earlier: %v", err)
		}
	})
}
