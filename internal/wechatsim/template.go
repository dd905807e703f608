package wechatsim

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
)

// Template is one of an account's message templates.
type Template struct {
	ID      string // 43 characters
	Title   string
	Content string // "直播主题:{{thing1.DATA}}\n开播时间:{{time2.DATA}}"
	Example string
	// Unlisted: get_all_private_template does not tell it, as it does not
	// tell category templates.
	Unlisted bool
	// Code is what sends with it answer: 43116 banned, 40249 blocked; 0.
	Code int

	fields []string
}

// templates are an account's templates by id.
type templates struct {
	mu    sync.Mutex
	all   atomic.Pointer[map[string]*Template]
	order []string
}

// DefaultTemplates are a template that is listed and a category template that
// is not.
func DefaultTemplates(appid string) []Template {
	return []Template{{
		ID: TemplateID(appid, 1), Title: "直播开播提醒",
		Content: "直播主题:{{thing1.DATA}}\n开播时间:{{time2.DATA}}",
		Example: "直播主题:新品发布会\n开播时间:2026年10月01日 20:00",
	}, {
		ID: TemplateID(appid, 2), Title: "课程开课通知", Unlisted: true,
		Content: "课程名称:{{thing2.DATA}}\n上课时间:{{time5.DATA}}\n备注:{{thing8.DATA}}",
	}}
}

// TemplateID makes the id of the n-th template of an account.
func TemplateID(appid string, n int) string {
	id := make([]byte, 0, 43)
	for k := uint64(0); len(id) < 43; k++ {
		id = letters(id, mix(number(appid), uint64(n), k, 16), min(8, 43-len(id)))
	}
	return string(id)
}

func placeholders(content string) []string {
	var keys []string
	for _, m := range regexp.MustCompile(`\{\{\s*(\w+)\.DATA\s*\}\}`).FindAllStringSubmatch(content, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// SetTemplate adds a template or replaces the one with its id.
func (a *Account) SetTemplate(t Template) {
	t.fields = placeholders(t.Content)
	a.templates.change(func(all map[string]*Template) { all[t.ID] = &t })
}

// RemoveTemplate deletes a template; sends with it answer 40037.
func (a *Account) RemoveTemplate(id string) {
	a.templates.change(func(all map[string]*Template) { delete(all, id) })
}

// SetTemplateCode makes sends with a template answer a code: 43116 bans it,
// 40249 blocks its content, 0 heals it. It says whether there is such a one.
func (a *Account) SetTemplateCode(id string, code int) (found bool) {
	a.templates.change(func(all map[string]*Template) {
		if old, ok := all[id]; ok {
			t := *old
			t.Code = code
			all[id], found = &t, true
		}
	})
	return found
}

// Templates lists the account's templates.
func (a *Account) Templates() []Template {
	var list []Template
	a.templates.each(func(t *Template) { list = append(list, *t) })
	return list
}

func (ts *templates) change(f func(map[string]*Template)) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	all := map[string]*Template{}
	if old := ts.all.Load(); old != nil {
		all = maps.Clone(*old)
	}
	f(all)
	ts.order = slices.DeleteFunc(ts.order, func(id string) bool { return all[id] == nil })
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(ts.order, id) {
			ts.order = append(ts.order, id)
		}
	}
	ts.all.Store(&all)
}

// each calls f with every template in the order of their making.
func (ts *templates) each(f func(*Template)) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, id := range ts.order {
		f((*ts.all.Load())[id])
	}
}

func (ts *templates) find(id string) *Template {
	if all := ts.all.Load(); all != nil {
		return (*all)[id]
	}
	return nil
}

// check holds a body against a template and returns the text of the 47003,
// or "". It is worked out once per body and template.
func (b *bodyTemplate) check(t *Template) string {
	if t == nil {
		return ""
	}
	if done := b.checked.Load(); done != nil && done.template == t {
		return done.fault
	}
	done := &checkedBody{template: t}
	for _, key := range t.fields {
		value, ok := b.message.Data[key]
		if !ok || !Fits(key, value) {
			done.fault = "argument invalid! data." + key + ".value invalid"
			break
		}
	}
	b.checked.Store(done)
	return done.fault
}

// templatesCall answers GET get_all_private_template: no errcode when well.
func (s *Sim) templatesCall(c *call) reply {
	type listed struct {
		ID       string `json:"template_id"`
		Title    string `json:"title"`
		Industry string `json:"primary_industry"`
		Deputy   string `json:"deputy_industry"`
		Content  string `json:"content"`
		Example  string `json:"example"`
	}
	list := []listed{}
	c.account.templates.each(func(t *Template) {
		if !t.Unlisted {
			list = append(list, listed{t.ID, t.Title, "IT科技", "互联网|电子商务", t.Content, t.Example})
		}
	})
	body, err := json.Marshal(map[string]any{"template_list": list})
	if err != nil {
		return reply{code: -1}
	}
	return reply{body: body}
}
