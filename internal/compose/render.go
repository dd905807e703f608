// Package compose makes a job's message out of what the job, the owner, the
// channel and WeChat know of it, and says what is wrong with it: fields and their
// types (field.go, fit.go), placeholders (placeholder.go), an owner's texts
// (texts.go), minutes that pass while it is sent (countdown.go). It asks no one; what it is made from is handed in as a Source.
package compose

import (
	"fmt"
	"slices"
	"sort"

	"pushd"
)

// Unprepared says why a message could not be made. Field is what is to blame,
// as in Texts, or "".
type Unprepared struct {
	Reason pushd.Reason
	Detail string
	Field  string
	Why    pushd.Why
}

func (u *Unprepared) Error() string { return u.Detail }

// Problem is the same as the refusal of a call.
func (u *Unprepared) Problem() *pushd.Problem {
	return &pushd.Problem{Code: pushd.ProblemCode(u.Reason), Field: u.Field, Text: u.Detail, Why: u.Why}
}

// Source is all that a message may be made from, strongest first.
type Source struct {
	Asked pushd.Asked
	Texts *pushd.Texts // nil = the owner wrote nothing
	// Template is the account's own definition; nil = WeChat does not list
	// it.
	Template *pushd.Template
	Facts    Facts
}

// TemplateID is the template that the message will use.
func (s Source) TemplateID() pushd.TemplateID {
	if s.Asked.TemplateID != "" {
		return s.Asked.TemplateID
	}
	return s.Facts.TemplateID
}

// Render makes the message. The error is always an *Unprepared.
func (s Source) Render() (*pushd.Message, error) {
	id := s.TemplateID()
	if id == "" {
		return nil, &Unprepared{pushd.TemplateMissing,
			"no template: the job brings no templateId and the channel query gives none; choose a template in the settings (user_wx_config.act_live_template_id)", "", pushd.Why{}}
	}
	data, err := s.data()
	if err != nil {
		return nil, err
	}
	m := &pushd.Message{TemplateID: id, Data: data}
	if err := s.links(m); err != nil {
		return nil, err
	}
	m.Countdown = s.countdown()
	return m, nil
}

// tap is what a tap on the message leads to, as it was written.
func (s Source) tap() (link string, mini *pushd.MiniProgram) {
	link, mini = s.Asked.URL, s.Asked.MiniProgram
	if s.Texts != nil && link == "" {
		link = s.Texts.URL
	}
	if s.Texts != nil && mini == nil {
		mini = s.Texts.MiniProgram
	}
	return link, mini
}

// links makes what a tap on the message leads to.
func (s Source) links(m *pushd.Message) error {
	link, mini := s.tap()
	if err := placed("url", link); err != nil {
		return err
	}
	m.URL = s.Facts.link(link)
	if mini != nil {
		if err := placed("miniprogram.pagepath", mini.PagePath); err != nil {
			return err
		}
		m.MiniProgram = &pushd.MiniProgram{AppID: mini.AppID, PagePath: s.Facts.expandLink(mini.PagePath)}
	}
	return nil
}

// placed refuses a text with a placeholder that nothing replaces: it may have
// been saved before such texts were refused.
func placed(field, text string) error {
	if p := CheckPlaceholders(field, text); p != nil {
		return &Unprepared{pushd.MessageInvalid, p.Error(), field, p.Why}
	}
	return nil
}

// Written are the texts that the values are made from: those of the job, of
// the owner, or, guessed, those that suit the fields.
func (s Source) Written() (texts map[string]string, guessed bool) {
	switch {
	case len(s.Asked.Data) > 0:
		return s.Asked.Data, false
	case s.Texts != nil && len(s.Texts.Fields) > 0:
		return s.Texts.Fields, false
	}
	texts = map[string]string{}
	for _, f := range s.Fields() {
		texts[f.Key] = f.TextFor()
	}
	return texts, true
}

// data makes the values of the fields.
func (s Source) data() (map[string]string, error) {
	texts, guessed := s.Written()
	if len(texts) == 0 {
		return nil, &Unprepared{pushd.TemplateFieldsUnknown, fmt.Sprintf(
			"the fields of template %s are not known: WeChat does not list it (category templates never are); save its texts, or send data with the job", s.TemplateID()), "", pushd.Why{}}
	}
	data := make(map[string]string, len(texts))
	for _, key := range SortedKeys(texts) {
		f := NewField(key, "")
		if guessed && texts[key] == "" {
			return nil, &Unprepared{pushd.TemplateFieldsUnknown, fmt.Sprintf(
				"nothing is known to fill field %s of template %s with; save its texts, or send data with the job", key, s.TemplateID()), "fields." + key, pushd.Because(pushd.WhyUnfillable, "key", key)}
		}
		value, err := s.fill(f, texts[key])
		if err != nil {
			return nil, err
		}
		data[key] = value
	}
	return data, nil
}

// fill makes the value of one field. What a person has written is theirs, and
// WeChat's to judge; what comes out of placeholders has to fit.
func (s Source) fill(f Field, text string) (string, error) {
	at := "fields." + f.Key
	if err := placed(at, text); err != nil {
		return "", err
	}
	value := f.CleanValue(s.Facts.Expand(text, f))
	switch {
	case value == "":
		lack, because := s.Facts.lacks(text, f)
		if lack == "" {
			lack, because = fmt.Sprintf("%q has no character that WeChat shows", text), pushd.Because(pushd.WhyInvisible)
		}
		return "", &Unprepared{pushd.MessageInvalid, fmt.Sprintf("field %s would be empty: %s; WeChat refuses empty fields", f.Key, lack), at, because}
	case without(text) != text && !f.fits(value):
		return "", &Unprepared{pushd.MessageInvalid, fmt.Sprintf("field %s would be %q, made from %q, and %s", f.Key, value, text, f.unfit()), at, pushd.Because(pushd.WhyUnfit, "type", f.Type, "value", value)}
	}
	return value, nil
}

// Fields are the template's fields, as far as anybody knows them.
func (s Source) Fields() []Field {
	if s.Texts != nil && s.Texts.Content != "" {
		return ParseFields(s.Texts.Content)
	}
	if s.Template != nil {
		return ParseFields(s.Template.Content)
	}
	return nil
}

// FindTemplate picks a template from an account's list; nil if it is not
// there.
func FindTemplate(list []pushd.Template, id pushd.TemplateID) *pushd.Template {
	i := slices.IndexFunc(list, func(t pushd.Template) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// SortedKeys returns the keys of data in order, so that what is reported
// about fields does not change from run to run.
func SortedKeys(data map[string]string) []string {
	keys := make([]string, 0, len(data))
	for k := range data {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
