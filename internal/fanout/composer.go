package fanout

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// TextBook keeps what owners wrote for their templates.
type TextBook interface {
	Channels
	// SaveTexts stores the texts of t.TemplateID, in place of what was
	// there.
	SaveTexts(ctx context.Context, appID AppID, t Texts) error
}

// Composer shows an account's templates, keeps the texts of their fields,
// and shows how a message will look before anybody gets it.
type Composer struct {
	book   TextBook
	engine *Engine
}

// NewComposer makes a composer that asks WeChat through the engine.
func NewComposer(book TextBook, engine *Engine) *Composer { return &Composer{book, engine} }

// TemplateView is one template as its owner sees it.
type TemplateView struct {
	ID    TemplateID
	Title string
	// Listed says that WeChat lists it. Category templates are not listed;
	// their content is what the owner pasted.
	Listed bool
	// Likely marks the template that suits a live reminder best.
	Likely  bool
	Content string
	Fields  []Field
	// Texts are what is sent in each field: the owner's, or else what pushd
	// would put there by itself ("" where it can't tell).
	Texts       map[string]string
	Saved       bool // the owner saved texts
	URL         string
	MiniProgram *MiniProgram
}

// Templates lists the account's templates, the likely one for a live
// reminder marked.
func (c *Composer) Templates(ctx context.Context, appID AppID) ([]TemplateView, error) {
	list, err := c.engine.templates(ctx, appID, 0)
	if err != nil {
		return nil, composeProblem(err)
	}
	views := make([]TemplateView, 0, len(list))
	best, likely := 0, -1
	for i, t := range list {
		v, err := c.view(ctx, appID, t.ID, list)
		if err != nil {
			return nil, err
		}
		if score := liveScore(v); score > best {
			best, likely = score, i
		}
		views = append(views, v)
	}
	if likely >= 0 {
		views[likely].Likely = true
	}
	return views, nil
}

// Template shows one template, listed or not.
func (c *Composer) Template(ctx context.Context, appID AppID, id TemplateID) (TemplateView, error) {
	list, err := c.engine.templates(ctx, appID, 0)
	if err != nil {
		return TemplateView{}, composeProblem(err)
	}
	return c.view(ctx, appID, id, list)
}

func (c *Composer) view(ctx context.Context, appID AppID, id TemplateID, list []Template) (TemplateView, error) {
	v := TemplateView{ID: id, Texts: map[string]string{}}
	if t := findTemplate(list, id); t != nil {
		v.Title, v.Content, v.Listed = t.Title, t.Content, true
	}
	saved, err := c.book.Texts(ctx, appID, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return v, err
	}
	if err == nil {
		v.Saved, v.URL, v.MiniProgram = true, saved.URL, saved.MiniProgram
		if saved.Content != "" {
			v.Content = saved.Content
		}
	}
	v.Fields = ParseFields(v.Content)
	for _, f := range v.Fields {
		v.Texts[f.Key] = f.TextFor()
	}
	for key, text := range saved.Fields {
		v.Texts[key] = text
	}
	return v, nil
}

// liveScore says how well a template suits a live reminder; 0 = not at all.
func liveScore(v TemplateView) int {
	score := 0
	for word, weight := range map[string]int{"直播": 4, "开播": 4, "开课": 3, "课程": 2, "活动": 1, "提醒": 1, "预约": 1} {
		if strings.Contains(v.Title, word) || strings.Contains(v.Content, word) {
			score += weight
		}
	}
	for _, f := range v.Fields {
		if f.TextFor() == "" {
			return 0 // it has a field that nothing is known to fill
		}
	}
	return score
}

// Save checks and stores an owner's texts. Nothing is stored if anything is
// wrong; the *Problem names the field.
func (c *Composer) Save(ctx context.Context, appID AppID, t Texts) (TemplateView, error) {
	list, err := c.engine.templates(ctx, appID, 0)
	if err != nil {
		return TemplateView{}, composeProblem(err)
	}
	content := t.Content
	if listed := findTemplate(list, t.TemplateID); listed != nil && content == "" {
		content = listed.Content
	}
	if p := checkTexts(t, content); p != nil {
		return TemplateView{}, p
	}
	if err := c.book.SaveTexts(ctx, appID, t); err != nil {
		return TemplateView{}, err
	}
	return c.view(ctx, appID, t.TemplateID, list)
}

var anyPlaceholder = regexp.MustCompile(`\{\{\s*(\w*)\s*\}\}`)

// checkTexts says what is wrong with texts for a template of this content.
func checkTexts(t Texts, content string) *Problem {
	fields := ParseFields(content)
	if len(fields) == 0 {
		return bad("content", "is needed: WeChat does not list this template; paste its content from WeChat's console, with its {{thing1.DATA}} placeholders")
	}
	for _, key := range sortedKeys(t.Fields) {
		at := "fields." + key
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == key })
		if i < 0 {
			return bad(at, "the template has no such field; it has "+fieldKeys(fields))
		}
		if p := checkText(at, t.Fields[key], fields[i]); p != nil {
			return p
		}
	}
	for _, f := range fields {
		if _, ok := t.Fields[f.Key]; !ok {
			return bad("fields."+f.Key, fmt.Sprintf("is missing (%s): WeChat wants a value for every field", f.Label))
		}
	}
	for _, link := range []struct{ at, text string }{{"url", t.URL}, {"miniprogram.pagepath", pagePath(t)}} {
		if p := checkPlaceholders(link.at, link.text); p != nil {
			return p
		}
	}
	return nil
}

func checkText(at, text string, f Field) *Problem {
	if p := checkPlaceholders(at, text); p != nil {
		return p
	}
	fixed := anyPlaceholder.ReplaceAllString(text, "")
	n := utf8.RuneCountInString(strings.TrimSpace(fixed))
	switch {
	case strings.TrimSpace(text) == "":
		return bad(at, "must not be empty: WeChat refuses empty values")
	case fixed != "" && f.Limit > 0 && n > f.Limit:
		return bad(at, fmt.Sprintf("has %d characters; WeChat takes %d in a field of type %s", n, f.Limit, f.Type))
	case fixed == text && f.CleanValue(text) == "":
		return bad(at, "consists only of characters that WeChat does not show")
	case f.Type == "number" && strings.Trim(fixed, "0123456789.") != "":
		return bad(at, "must be a number")
	}
	return nil
}

func checkPlaceholders(at, text string) *Problem {
	for _, m := range anyPlaceholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"title", "startTime", "minutes", "url"}, m[1]) {
			return bad(at, fmt.Sprintf("unknown placeholder %s; there are {{title}}, {{startTime}}, {{minutes}} and {{url}}", m[0]))
		}
	}
	return nil
}

func pagePath(t Texts) string {
	if t.MiniProgram == nil {
		return ""
	}
	return t.MiniProgram.PagePath
}

func fieldKeys(fields []Field) string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.Key
	}
	return strings.Join(keys, ", ")
}

func bad(field, text string) *Problem { return &Problem{Code: CodeInvalid, Field: field, Text: text} }

// Preview is how a message will look.
type Preview struct {
	Message *Message
	// Lines are the message as the follower sees it: label and value.
	Lines    []PreviewLine
	Warnings []Warning
}

// PreviewLine is one line of a message.
type PreviewLine struct{ Key, Label, Value string }

// Warning is something about a message that its owner should know. Field is
// empty where it is about the whole.
type Warning struct{ Code, Field, Text string }

// Preview renders the message of a channel; draft, if not nil, takes the
// place of the saved texts.
func (c *Composer) Preview(ctx context.Context, appID AppID, id TemplateID, actID ActID, draft *Texts) (Preview, error) {
	src, err := c.source(ctx, appID, id, actID, draft)
	if err != nil {
		return Preview{}, err
	}
	m, err := src.render()
	var u *unprepared
	if errors.As(err, &u) {
		return Preview{}, &Problem{Code: ProblemCode(u.reason), Text: u.detail}
	}
	p := Preview{Message: m}
	fields := src.Fields()
	if len(fields) == 0 {
		for _, key := range sortedKeys(m.Data) {
			fields = append(fields, newField(key, ""))
		}
	}
	for _, f := range fields {
		p.Lines = append(p.Lines, PreviewLine{f.Key, f.Label, m.Data[f.Key]})
		p.Warnings = append(p.Warnings, src.warn(f, m.Data[f.Key])...)
	}
	if c.slow(ctx, appID, actID, src) {
		p.Warnings = append(p.Warnings, Warning{Code: "minutes_inexact",
			Text: "sending will take more than five minutes: {{minutes}} will be wrong for the last people; {{startTime}} is right for everyone"})
	}
	return p, nil
}

// source gathers what a message is made from.
func (c *Composer) source(ctx context.Context, appID AppID, id TemplateID, actID ActID, draft *Texts) (source, error) {
	ch, err := c.book.Channel(ctx, actID)
	if errors.Is(err, ErrNotFound) {
		return source{}, &Problem{Code: CodeChannelNotFound, Field: "actid", Text: fmt.Sprintf("channel %d does not exist", actID)}
	}
	if err != nil {
		return source{}, err
	}
	if ch.AppID != "" && ch.AppID != appID {
		return source{}, &Problem{Code: CodeAppIDMismatch, Field: "actid", Text: fmt.Sprintf("channel %d belongs to another account", actID)}
	}
	src := source{asked: Asked{TemplateID: id}, facts: facts{ch, c.engine.cfg.Location}}
	if err := c.engine.lookUp(ctx, c.engine.retry, appID, actID, &src); err != nil {
		return source{}, composeProblem(err)
	}
	if draft != nil {
		if draft.Content == "" && src.texts != nil {
			draft.Content = src.texts.Content
		}
		src.texts = draft
	}
	return src, nil
}

// warn says what will happen to one field's text on its way.
func (s source) warn(f Field, value string) (warnings []Warning) {
	text := f.TextFor()
	if s.texts != nil && s.texts.Fields[f.Key] != "" {
		text = s.texts.Fields[f.Key]
	}
	whole := strings.TrimSpace(s.facts.expand(text, f.Type == "date"))
	switch {
	case f.Limit > 0 && utf8.RuneCountInString(whole) > f.Limit:
		warnings = append(warnings, Warning{"value_cut", f.Key, fmt.Sprintf("is cut to %d characters: %q", f.Limit, value)})
	case whole != value:
		warnings = append(warnings, Warning{"value_cleaned", f.Key, "line breaks, emoji or control characters are left out"})
	}
	if f.Label == "" && len(s.Fields()) > 0 {
		warnings = append(warnings, Warning{"line_dropped", f.Key, "stands alone on its line, so WeChat will not show it"})
	}
	return warnings
}

// slow says whether the send will take more than five minutes although the
// message counts the minutes.
func (c *Composer) slow(ctx context.Context, appID AppID, actID ActID, src source) bool {
	texts := src.asked.Data
	if src.texts != nil {
		texts = src.texts.Fields
	}
	counts := false
	for _, text := range texts {
		counts = counts || strings.Contains(text, "{{minutes}}")
	}
	if !counts {
		return false
	}
	var page FollowerPage
	a, err := c.engine.ask(ctx, appID, actID, func(ctx context.Context, tok Token) (a Answer) {
		page, a = c.engine.cfg.WeChat.Page(ctx, tok, "")
		return a
	})
	return err == nil && a.OK() && page.Total/int64(c.engine.perSecond(Request{})) > int64(5*time.Minute/time.Second)
}

// Test sends one real message to one follower. A value that WeChat refuses is
// a problem that names the field.
func (c *Composer) Test(ctx context.Context, appID AppID, id TemplateID, actID ActID, to OpenID) (*Message, error) {
	src, err := c.source(ctx, appID, id, actID, nil)
	if err != nil {
		return nil, err
	}
	m, err := src.render()
	var u *unprepared
	if errors.As(err, &u) {
		return nil, &Problem{Code: ProblemCode(u.reason), Text: u.detail}
	}
	letter := m.Letter(NewJobID())
	doubt := false
	a, err := c.engine.ask(ctx, appID, actID, func(ctx context.Context, tok Token) Answer {
		a := c.engine.cfg.WeChat.Send(ctx, tok, letter, to, doubt)
		doubt = doubt || a.Ambiguous
		return a
	})
	if err != nil {
		return nil, composeProblem(err)
	}
	return m, testProblem(a)
}

var refusedField = regexp.MustCompile(`data\.(\w+)\.value`)

// testProblem explains why a test message was not accepted.
func testProblem(a Answer) error {
	if a.OK() {
		return nil
	}
	p := &Problem{Code: CodeWeChatRefused, Text: "WeChat refuses the message: " + describe(a)}
	switch m := refusedField.FindStringSubmatch(a.Text); {
	case m != nil:
		p.Code, p.Field = CodeInvalid, "fields."+m[1]
	case a.Verdict == Skip:
		p.Code, p.Field = CodeInvalid, "openid"
	}
	return p
}

// composeProblem turns what would park or end a job into a refusal.
func composeProblem(err error) error {
	var p *parked
	switch {
	case errors.As(err, &p) && p.Reason == TokenUnavailable:
		return &Problem{Code: CodeTokenUnavailable, Text: p.Detail}
	case errors.As(err, &p):
		return &Problem{Code: CodeWeChatRefused, Text: p.Detail}
	}
	return err
}
