package control

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/compose"
)

// Preview is how a message will look.
type Preview struct {
	Message *pushd.Message
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
func (c *Composer) Preview(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, actID pushd.ActID, draft *pushd.Texts) (Preview, error) {
	src, err := c.source(ctx, appID, id, actID, draft)
	if err != nil {
		return Preview{}, err
	}
	m, err := src.Render()
	var u *compose.Unprepared
	if errors.As(err, &u) {
		return Preview{}, u.Problem()
	}
	p := Preview{Message: m}
	fields := src.Fields()
	if len(fields) == 0 {
		for _, key := range compose.SortedKeys(m.Data) {
			fields = append(fields, compose.NewField(key, ""))
		}
	}
	for _, f := range fields {
		p.Lines = append(p.Lines, PreviewLine{f.Key, f.Label, m.Data[f.Key]})
		p.Warnings = append(p.Warnings, warn(src, f, m.Data[f.Key])...)
	}
	return p, nil
}

// source gathers what a message is made from. WeChat is asked for the template
// only where nothing that the owner wrote says what fields it has.
func (c *Composer) source(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, actID pushd.ActID, draft *pushd.Texts) (compose.Source, error) {
	ch, err := c.book.Channel(ctx, actID)
	if err != nil {
		return compose.Source{}, channelProblem(err, actID)
	}
	if ch.AppID != "" && ch.AppID != appID {
		return compose.Source{}, &pushd.Problem{Code: pushd.CodeAppIDMismatch, Field: "actid", Text: fmt.Sprintf("channel %d belongs to another account", actID)}
	}
	src := compose.Source{Asked: pushd.Asked{TemplateID: id}, Facts: facts(ch, c.cfg.Location, time.Now()), Texts: draft}
	saved, err := c.book.Texts(ctx, appID, id)
	switch {
	case errors.Is(err, pushd.ErrNotFound):
	case err != nil:
		return compose.Source{}, err
	case draft == nil:
		src.Texts = &saved
	case draft.Content == "":
		whole := *draft
		whole.Content = saved.Content
		src.Texts = &whole
	}
	if src.Texts != nil && src.Texts.Content != "" {
		return src, nil
	}
	list, known := c.listed.get(appID)
	if !known && (src.Texts == nil || len(saved.Fields) == 0) {
		if list, err = c.list(ctx, appID, actID); err != nil && (src.Texts == nil || len(src.Texts.Fields) == 0) {
			return compose.Source{}, err
		}
	}
	src.Template = compose.FindTemplate(list, id)
	return src, nil
}

// facts are those of a message that leaves when its reminder is due, or now where
// that is over. Of a stream that has begun it shows how it was meant.
func facts(ch pushd.Channel, in *time.Location, now time.Time) compose.Facts {
	f := compose.Facts{Channel: ch, Location: in}
	if at := pushd.Time(now.UnixMicro()); ch.StartTime*1e6 > int64(at) {
		f.Now = at
	}
	return f
}

// warn says what will happen to one field's text on its way.
func warn(s compose.Source, f compose.Field, value string) (warnings []Warning) {
	text := f.TextFor()
	if s.Texts != nil && s.Texts.Fields[f.Key] != "" {
		text = s.Texts.Fields[f.Key]
	}
	whole := strings.TrimSpace(s.Facts.Expand(text, f))
	limit := f.LimitOf(whole)
	switch {
	case limit > 0 && utf8.RuneCountInString(whole) > limit:
		warnings = append(warnings, Warning{"value_cut", f.Key, fmt.Sprintf("is cut to %d characters: %q", limit, value)})
	case whole != value:
		warnings = append(warnings, Warning{"value_cleaned", f.Key, "line breaks, emoji or control characters are left out"})
	}
	if f.Label == "" && len(s.Fields()) > 0 {
		warnings = append(warnings, Warning{"line_dropped", f.Key, "stands alone on its line, so WeChat will not show it"})
	}
	return warnings
}

// Test sends one real message to one follower; draft, if not nil, takes the place
// of the saved texts. A value that WeChat refuses is
// a problem that names the field.
func (c *Composer) Test(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, actID pushd.ActID, draft *pushd.Texts, to pushd.OpenID) (*pushd.Message, error) {
	src, err := c.source(ctx, appID, id, actID, draft)
	if err != nil {
		return nil, err
	}
	m, err := src.Render()
	var u *compose.Unprepared
	if errors.As(err, &u) {
		return nil, u.Problem()
	}
	letter := m.Letter(pushd.NewMsgID())
	c.cfg.Workers.Disturb(appID)
	a, err := c.cfg.Account.Of(appID, actID).Send(ctx, letter, to)
	if err != nil {
		return nil, composeProblem(err)
	}
	return m, testProblem(a)
}

var refusedField = regexp.MustCompile(`data\.(\w+)\.value`)

// testProblem explains why a test message was not accepted.
func testProblem(a pushd.Answer) error {
	if a.OK() {
		return nil
	}
	p := &pushd.Problem{Code: pushd.CodeWeChatRefused, Text: "WeChat refuses the message: " + a.Describe(), Why: answered(a)}
	switch m := refusedField.FindStringSubmatch(a.Text); {
	case m != nil:
		p.Code, p.Field = pushd.CodeInvalid, "fields."+m[1]
	case a.Verdict == pushd.Skip:
		p.Code, p.Field = pushd.CodeInvalid, "openid"
	}
	return p
}

// composeProblem turns why a call to the account came to nothing into a refusal.
func composeProblem(err error) error {
	var none *account.NoToken
	var refused *account.Refused
	switch {
	case errors.As(err, &none) && !errors.Is(err, context.Canceled):
		return &pushd.Problem{Code: pushd.CodeTokenUnavailable, Text: none.Error()}
	case errors.As(err, &refused):
		return &pushd.Problem{Code: pushd.CodeWeChatRefused, Text: refused.Error(), Why: answered(refused.Answer)}
	}
	return err
}

// answered is WeChat's answer as the reason of a refusal.
func answered(a pushd.Answer) pushd.Why {
	return pushd.Because(pushd.WhyWeChat, "errcode", strconv.Itoa(a.Code))
}
