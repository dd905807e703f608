package fanout

import (
	"fmt"
	"slices"
	"sort"

	"pushd"
)

// unprepared says why a message could not be made. field is what is to blame,
// as in Texts, or "".
type unprepared struct {
	reason pushd.Reason
	detail string
	field  string
}

func (u *unprepared) Error() string { return u.detail }

// source is all that a message may be made from, strongest first.
type source struct {
	asked pushd.Asked
	texts *pushd.Texts // nil = the owner wrote nothing
	// template is the account's own definition; nil = WeChat does not list
	// it.
	template *pushd.Template
	facts    facts
}

// templateID is the template that the message will use.
func (s source) templateID() pushd.TemplateID {
	if s.asked.TemplateID != "" {
		return s.asked.TemplateID
	}
	return s.facts.TemplateID
}

// render makes the message. The error is always an *unprepared.
func (s source) render() (*pushd.Message, error) {
	id := s.templateID()
	if id == "" {
		return nil, &unprepared{pushd.TemplateMissing,
			"no template: the job brings no templateId and the channel query gives none; choose a template in the settings (user_wx_config.act_live_template_id)", ""}
	}
	data, err := s.data()
	if err != nil {
		return nil, err
	}
	m := &pushd.Message{TemplateID: id, Data: data}
	return m, s.links(m)
}

// links makes what a tap on the message leads to.
func (s source) links(m *pushd.Message) error {
	link, mini := s.asked.URL, s.asked.MiniProgram
	if s.texts != nil && link == "" {
		link = s.texts.URL
	}
	if s.texts != nil && mini == nil {
		mini = s.texts.MiniProgram
	}
	if err := placed("url", link); err != nil {
		return err
	}
	if m.URL = s.facts.expandLink(link); m.URL == "" {
		m.URL = s.facts.WatchURL
	}
	if mini != nil {
		if err := placed("miniprogram.pagepath", mini.PagePath); err != nil {
			return err
		}
		m.MiniProgram = &pushd.MiniProgram{AppID: mini.AppID, PagePath: s.facts.expandLink(mini.PagePath)}
	}
	return nil
}

// placed refuses a text with a placeholder that nobody replaces: it may have
// been saved before such texts were refused.
func placed(field, text string) error {
	if p := CheckPlaceholders(field, text); p != nil {
		return &unprepared{pushd.MessageInvalid, p.Error(), field}
	}
	return nil
}

// written are the texts that the values are made from: those of the job, of
// the owner, or, guessed, those that suit the fields.
func (s source) written() (texts map[string]string, guessed bool) {
	switch {
	case len(s.asked.Data) > 0:
		return s.asked.Data, false
	case s.texts != nil && len(s.texts.Fields) > 0:
		return s.texts.Fields, false
	}
	texts = map[string]string{}
	for _, f := range s.Fields() {
		texts[f.Key] = f.TextFor()
	}
	return texts, true
}

// data makes the values of the fields.
func (s source) data() (map[string]string, error) {
	texts, guessed := s.written()
	if len(texts) == 0 {
		return nil, &unprepared{pushd.TemplateFieldsUnknown, fmt.Sprintf(
			"the fields of template %s are not known: WeChat does not list it (category templates never are); save its texts, or send data with the job", s.templateID()), ""}
	}
	data := make(map[string]string, len(texts))
	for _, key := range sortedKeys(texts) {
		f := newField(key, "")
		if guessed && texts[key] == "" {
			return nil, &unprepared{pushd.TemplateFieldsUnknown, fmt.Sprintf(
				"nothing is known to fill field %s of template %s with; save its texts, or send data with the job", key, s.templateID()), ""}
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
func (s source) fill(f Field, text string) (string, error) {
	at := "fields." + f.Key
	if err := placed(at, text); err != nil {
		return "", err
	}
	value := f.CleanValue(s.facts.expand(text, f))
	switch {
	case value == "":
		why := s.facts.lacks(text, f)
		if why == "" {
			why = fmt.Sprintf("%q has no character that WeChat shows", text)
		}
		return "", &unprepared{pushd.MessageInvalid, fmt.Sprintf("field %s would be empty: %s; WeChat refuses empty fields", f.Key, why), at}
	case without(text) != text && !f.fits(value):
		return "", &unprepared{pushd.MessageInvalid, fmt.Sprintf("field %s would be %q, made from %q, and %s", f.Key, value, text, f.unfit()), at}
	}
	return value, nil
}

// Fields are the template's fields, as far as anybody knows them.
func (s source) Fields() []Field {
	if s.texts != nil && s.texts.Content != "" {
		return ParseFields(s.texts.Content)
	}
	if s.template != nil {
		return ParseFields(s.template.Content)
	}
	return nil
}

// findTemplate picks a template from an account's list; nil if it is not
// there.
func findTemplate(list []pushd.Template, id pushd.TemplateID) *pushd.Template {
	i := slices.IndexFunc(list, func(t pushd.Template) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// sortedKeys returns the keys of data in order, so that what is reported
// about fields does not change from run to run.
func sortedKeys(data map[string]string) []string {
	keys := make([]string, 0, len(data))
	for k := range data {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
