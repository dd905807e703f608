package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pushd"
	"pushd/api/client"
)

// textView is the page on which a wrong message is corrected.
type textView struct {
	Job     client.Job
	Fields  []textField
	URL     string
	Mini    pushd.MiniProgram
	OpenID  string
	Preview *preview
	Tested  bool
	Failure *failure
}

// textField is a field of the message.
type textField struct{ Key, Label, Value, Was string }

// preview is how the API says that a message will look.
type preview struct {
	Message *pushd.Message `json:"message"`
	Lines   []struct {
		Key   string `json:"key"`
		Label string `json:"label"`
		Value string `json:"value"`
	} `json:"lines"`
	Warnings []struct {
		Field  string `json:"field"`
		Detail string `json:"detail"`
	} `json:"warnings"`
}

// draft is the message as it stands on the page.
type draft struct {
	ActID  int64              `json:"actid"`
	OpenID string             `json:"openid,omitempty"`
	Fields map[string]string  `json:"fields"`
	URL    string             `json:"url,omitempty"`
	Mini   *pushd.MiniProgram `json:"miniprogram,omitempty"`
}

// text is GET /console/jobs/{id}/text.
func (c *Console) text(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	j, ok := c.jobOf(ctx, v, "text.title")
	if !ok {
		return
	}
	view := newText(j, nil)
	if j.Message != nil {
		// How it looks is worth showing, but not worth keeping anybody from
		// mending it.
		if p, err := composed[preview](ctx, v, j, "preview", view.draft()); err == nil {
			view.Preview = &p
		}
	}
	c.showText(v, http.StatusOK, view)
}

func (c *Console) showText(v *visit, status int, view textView) {
	view.label()
	c.show(v, status, "text", layout{Title: "text.title", Of: view.Job.ID, Tab: "jobs"}, view)
}

// newText is the message of a job, with what a form has changed.
func newText(j client.Job, form url.Values) textView {
	view := textView{Job: j}
	if j.Message == nil {
		return view
	}
	m := j.Message
	for key, was := range m.Data {
		view.Fields = append(view.Fields, textField{Key: key, Value: was, Was: was})
	}
	slices.SortFunc(view.Fields, func(a, b textField) int { return strings.Compare(a.Key, b.Key) })
	view.URL = m.URL
	if m.MiniProgram != nil {
		view.Mini = *m.MiniProgram
	}
	if form == nil {
		return view
	}
	for i := range view.Fields {
		view.Fields[i].Value = strings.TrimSpace(form.Get("data." + view.Fields[i].Key))
	}
	view.URL, view.OpenID = strings.TrimSpace(form.Get("url")), strings.TrimSpace(form.Get("openid"))
	view.Mini = pushd.MiniProgram{AppID: strings.TrimSpace(form.Get("mini.appid")), PagePath: strings.TrimSpace(form.Get("mini.path"))}
	return view
}

// label names the fields as the template does, where that is known.
func (t *textView) label() {
	if t.Preview == nil {
		return
	}
	for _, line := range t.Preview.Lines {
		for i := range t.Fields {
			if t.Fields[i].Key == line.Key {
				t.Fields[i].Label = line.Label
			}
		}
	}
}

func (t *textView) draft() draft {
	d := draft{ActID: t.Job.ActID, Fields: map[string]string{}, URL: t.URL, OpenID: t.OpenID}
	for _, f := range t.Fields {
		d.Fields[f.Key] = f.Value
	}
	if t.Mini != (pushd.MiniProgram{}) {
		d.Mini = &t.Mini
	}
	return d
}

// changes are what the API is to change, in the manner of a merge patch: what is
// not named stays.
func (t *textView) changes() map[string]any {
	changes, data := map[string]any{}, map[string]string{}
	for _, f := range t.Fields {
		if f.Value != f.Was {
			data[f.Key] = f.Value
		}
	}
	if len(data) > 0 {
		changes["data"] = data
	}
	if t.URL != t.Job.Message.URL {
		changes["url"] = orNull(t.URL)
	}
	was := pushd.MiniProgram{}
	if t.Job.Message.MiniProgram != nil {
		was = *t.Job.Message.MiniProgram
	}
	switch {
	case t.Mini == was:
	case t.Mini == pushd.MiniProgram{}:
		changes["miniprogram"] = nil
	default:
		changes["miniprogram"] = t.Mini
	}
	return changes
}

// orNull is null where nothing is to be sent any more.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// composed calls the API about the template of a job's message.
func composed[T any](ctx context.Context, v *visit, j client.Job, what string, d draft) (out T, err error) {
	path := "/v1/accounts/" + url.PathEscape(j.AppID) + "/templates/" + url.PathEscape(string(j.Message.TemplateID)) + "/" + what
	raw, err := v.api.Raw(ctx, http.MethodPost, path, d)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

// correct is POST /console/jobs/{id}/text: a look at the message, a test of it, or
// the correction itself.
func (c *Console) correct(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	j, err := v.api.Job(ctx, v.r.PathValue("id"))
	if err == nil && j.Message == nil {
		err = v.invalid("message", "text.none")
	}
	if err != nil {
		c.failed(v, "text.title", "jobs", err)
		return
	}
	view := newText(j, v.r.PostForm)
	what := v.r.PostForm.Get("do")
	if what == "save" {
		if err = c.save(ctx, v, view); err == nil {
			http.Redirect(v.w, v.r, jobPage(j.ID)+"?done=text", http.StatusSeeOther)
			return
		}
	}
	looked, lookErr := c.previewed(ctx, v, view)
	view.Preview = looked
	if err == nil {
		err = lookErr
	}
	if what == "test" && err == nil {
		_, err = composed[struct{}](ctx, v, j, "test", view.draft())
		view.Tested = err == nil
	}
	status := http.StatusOK
	if err != nil {
		why := failure{}
		status, why = v.explain(err)
		view.Failure = &why
	}
	c.showText(v, status, view)
}

func (c *Console) previewed(ctx context.Context, v *visit, view textView) (*preview, error) {
	d := view.draft()
	d.OpenID = ""
	p, err := composed[preview](ctx, v, view.Job, "preview", d)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// save changes what the job sends.
func (c *Console) save(ctx context.Context, v *visit, view textView) error {
	changes := view.changes()
	if len(changes) == 0 {
		return v.invalid("data", "text.same")
	}
	_, err := v.api.Raw(ctx, http.MethodPatch, client.JobPath(view.Job.ID), changes)
	return err
}
