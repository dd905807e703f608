package api

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"pushd"
	"pushd/internal/control"
)

// Composer knows an account's templates and the texts of their fields;
// *control.Composer.
type Composer interface {
	Tags(ctx context.Context, appID pushd.AppID) ([]pushd.Tag, error)
	Templates(ctx context.Context, appID pushd.AppID) ([]control.TemplateView, error)
	Template(ctx context.Context, appID pushd.AppID, id pushd.TemplateID) (control.TemplateView, error)
	Save(ctx context.Context, appID pushd.AppID, t pushd.Texts) (control.TemplateView, error)
	Preview(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, actID pushd.ActID, draft *pushd.Texts) (control.Preview, error)
	Test(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, actID pushd.ActID, draft *pushd.Texts, to pushd.OpenID) (*pushd.Message, error)
}

// templateDoc is a template as the API shows it.
type templateDoc struct {
	TemplateID  pushd.TemplateID   `json:"templateId"`
	Title       string             `json:"title"`
	Listed      bool               `json:"listed"`
	Likely      bool               `json:"likely"`
	Saved       bool               `json:"saved"`
	Content     string             `json:"content"`
	Fields      []fieldDoc         `json:"fields"`
	URL         string             `json:"url"`
	MiniProgram *pushd.MiniProgram `json:"miniprogram"`
}

type fieldDoc struct {
	Key   string `json:"key"`
	Label string `json:"label"`
	Type  string `json:"type"`
	Limit int    `json:"limit"`
	Text  string `json:"text"`
}

func templated(v control.TemplateView) templateDoc {
	d := templateDoc{
		TemplateID: v.ID, Title: v.Title, Listed: v.Listed, Likely: v.Likely, Saved: v.Saved,
		Content: v.Content, Fields: []fieldDoc{}, URL: v.URL, MiniProgram: v.MiniProgram,
	}
	for _, f := range v.Fields {
		d.Fields = append(d.Fields, fieldDoc{f.Key, f.Label, f.Type, f.Limit, v.Texts[f.Key]})
	}
	return d
}

// templates is GET /v1/accounts/{appid}/templates.
func (s *Server) templates(c echo.Context) error {
	app, _, err := account(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	views, err := s.Composer.Templates(ctx, app)
	if err != nil {
		return err
	}
	items := []templateDoc{}
	for _, v := range views {
		items = append(items, templated(v))
	}
	return answer(c, http.StatusOK, map[string]any{"items": items})
}

// template is GET /v1/accounts/{appid}/templates/{templateId}.
func (s *Server) template(c echo.Context) error {
	app, id, err := account(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	v, err := s.Composer.Template(ctx, app, id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, templated(v))
}

// saveTemplate is PUT /v1/accounts/{appid}/templates/{templateId}.
func (s *Server) saveTemplate(c echo.Context) error {
	app, id, err := account(c)
	if err != nil {
		return err
	}
	texts, err := parseBody(c, (*fields).saved, draftFields...)
	if err != nil {
		return err
	}
	texts.TemplateID = id
	ctx, cancel := asking(c)
	defer cancel()
	v, err := s.Composer.Save(ctx, app, texts)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, templated(v))
}

type previewDoc struct {
	Message  *pushd.Message `json:"message"`
	Lines    []lineDoc      `json:"lines"`
	Warnings []warningDoc   `json:"warnings"`
}

type lineDoc struct {
	Key   string `json:"key"`
	Label string `json:"label"`
	Value string `json:"value"`
}

type warningDoc struct {
	Code   string `json:"code"`
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// preview is POST /v1/accounts/{appid}/templates/{templateId}/preview.
func (s *Server) preview(c echo.Context) error {
	app, id, err := account(c)
	if err != nil {
		return err
	}
	r, err := parseBody(c, (*fields).previewRequest, append([]string{"actid"}, draftFields...)...)
	if err != nil {
		return err
	}
	if r.draft != nil {
		r.draft.TemplateID = id
	}
	ctx, cancel := asking(c)
	defer cancel()
	p, err := s.Composer.Preview(ctx, app, id, r.actID, r.draft)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, previewed(p))
}

func previewed(p control.Preview) previewDoc {
	doc := previewDoc{Message: p.Message, Lines: []lineDoc{}, Warnings: []warningDoc{}}
	for _, l := range p.Lines {
		doc.Lines = append(doc.Lines, lineDoc(l))
	}
	for _, w := range p.Warnings {
		doc.Warnings = append(doc.Warnings, warningDoc{w.Code, w.Field, w.Text})
	}
	return doc
}

// test is POST /v1/accounts/{appid}/templates/{templateId}/test.
func (s *Server) test(c echo.Context) error {
	app, id, err := account(c)
	if err != nil {
		return err
	}
	r, err := parseBody(c, (*fields).testRequest, append([]string{"actid", "openid"}, draftFields...)...)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	if r.draft != nil {
		r.draft.TemplateID = id
	}
	m, err := s.Composer.Test(ctx, app, id, r.actID, r.draft, r.to)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, map[string]any{"sent": true, "message": m})
}

// account reads the names in the address; there is nothing at an address that
// could not name an account and a template.
func account(c echo.Context) (pushd.AppID, pushd.TemplateID, error) {
	app, id := c.Param("appid"), c.Param("templateId")
	for _, name := range []string{app, id} {
		if name != "" && (len(name) > namePattern.max || !namePattern.re.MatchString(name)) {
			return "", "", problem(codeNotFound, "that can't be the name of an account or a template")
		}
	}
	return pushd.AppID(app), pushd.TemplateID(id), nil
}

var (
	draftFields    = []string{"content", "fields", "url", "miniprogram"}
	contentPattern = pattern{regexp.MustCompile(`(?s)^.*$`), 8 << 10, "the template's content, at most 8 KiB", "content"}
	linkPattern    = pattern{regexp.MustCompile(`^(\{\{\s*url\s*\}\}|https?://(?:[^\x00-\x20]|` + spacedName + `)+)$`), 2048, "an http or https URL, or {{url}}", "link"}
)

// saved reads the texts that are to be kept.
func (f *fields) saved() pushd.Texts {
	t := f.texts()
	if t.Fields == nil {
		f.refuse("fields", "is required: the text of each field", pushd.Because(pushd.WhyRequired))
	}
	return t
}

// previewRequest is what to preview; draft is nil for the texts that are kept.
type previewRequest struct {
	actID pushd.ActID
	draft *pushd.Texts
}

func (f *fields) previewRequest() previewRequest {
	r := previewRequest{actID: pushd.ActID(f.actID())}
	if t := f.texts(); t.Fields != nil {
		r.draft = &t
	}
	return r
}

// testRequest is of which channel one follower is sent the message, saved or as
// a draft.
type testRequest struct {
	previewRequest
	to pushd.OpenID
}

func (f *fields) testRequest() testRequest {
	r := testRequest{f.previewRequest(), pushd.OpenID(f.text("openid", namePattern))}
	if r.to == "" {
		f.refuse("openid", "is required: the follower who gets the message", pushd.Because(pushd.WhyRequired))
	}
	return r
}

// texts reads what an owner writes for a template. Placeholders are checked
// later, by those who know the template.
func (f *fields) texts() pushd.Texts {
	t := pushd.Texts{
		Content:     f.text("content", contentPattern),
		URL:         f.text("url", linkPattern),
		MiniProgram: f.miniProgram(),
	}
	if p, err := url.Parse(t.URL); strings.HasPrefix(t.URL, "http") && (err != nil || p.Hostname() == "") {
		f.refuse("url", "must be "+linkPattern.what, wanted(linkPattern.word))
	}
	n := f.object("fields")
	if n == nil {
		return t
	}
	part := &fields{n: n, path: f.at("fields")}
	t.Fields = make(map[string]string, len(n.keys))
	for _, key := range n.keys {
		v := n.members[key]
		switch {
		case !dataKeyPattern.MatchString(key) || len(n.keys) > maxData:
			f.refuse("fields", "has more than 50 fields, or a name that is not 1 to 32 letters, digits or _", wanted("field names"))
		case v.kind != text && v.kind != number:
			part.refuse(key, "must be text", wanted("text"))
		case utf8.RuneCountInString(v.text) > maxValue:
			part.refuse(key, "must have at most 2000 characters", pushd.Because(pushd.WhyTooLong, "limit", strconv.Itoa(maxValue)))
		default:
			t.Fields[key] = v.text
		}
	}
	f.adopt(part)
	return t
}
