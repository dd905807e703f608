package fanout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// facts are what a message can say about a channel.
type facts struct {
	Channel
	loc *time.Location
}

// expand replaces the placeholders of a text. dateOnly leaves the time of day
// out.
func (f facts) expand(text string, dateOnly bool) string {
	minutes, start := "", ""
	if f.NotifyMinutes != nil {
		minutes = strconv.FormatInt(*f.NotifyMinutes, 10)
	}
	if f.StartTime != 0 {
		layout := "2006年01月02日 15:04"
		if dateOnly {
			layout = "2006年01月02日"
		}
		start = time.Unix(f.StartTime, 0).In(f.loc).Format(layout)
	}
	values := map[string]string{"title": f.Title, "startTime": start, "minutes": minutes, "url": f.WatchURL}
	return anyPlaceholder.ReplaceAllStringFunc(text, func(placeholder string) string {
		if value, ok := values[strings.Trim(placeholder, "{} ")]; ok {
			return value
		}
		return placeholder
	})
}

// unprepared says why a message could not be made.
type unprepared struct {
	reason Reason
	detail string
}

func (u *unprepared) Error() string { return u.detail }

// source is all that a message may be made from, strongest first.
type source struct {
	asked Asked
	texts *Texts // nil = the owner wrote nothing
	// template is the account's own definition; nil = WeChat does not list
	// it.
	template *Template
	facts    facts
}

// templateID is the template that the message will use.
func (s source) templateID() TemplateID {
	if s.asked.TemplateID != "" {
		return s.asked.TemplateID
	}
	return s.facts.TemplateID
}

// render makes the message. The error is always an *unprepared.
func (s source) render() (*Message, error) {
	id := s.templateID()
	if id == "" {
		return nil, &unprepared{TemplateMissing,
			"no template: the job brings no templateId and the channel query gives none; choose a template in the settings (user_wx_config.act_live_template_id)"}
	}
	data, err := s.data()
	if err != nil {
		return nil, err
	}
	m := &Message{TemplateID: id, URL: s.asked.URL, MiniProgram: s.asked.MiniProgram, Data: data}
	if s.texts != nil {
		if m.URL == "" {
			m.URL = s.facts.expand(s.texts.URL, false)
		}
		if m.MiniProgram == nil && s.texts.MiniProgram != nil {
			mp := *s.texts.MiniProgram
			mp.PagePath = s.facts.expand(mp.PagePath, false)
			m.MiniProgram = &mp
		}
	}
	if m.URL == "" {
		m.URL = s.facts.WatchURL
	}
	return m, nil
}

// data makes the values of the fields.
func (s source) data() (map[string]string, error) {
	texts := s.asked.Data
	guessed := false
	if len(texts) == 0 && s.texts != nil {
		texts = s.texts.Fields
	}
	if len(texts) == 0 {
		fields := s.Fields()
		if len(fields) == 0 {
			return nil, &unprepared{TemplateFieldsUnknown, fmt.Sprintf(
				"the fields of template %s are not known: WeChat does not list it (category templates never are); save its texts, or send data with the job", s.templateID())}
		}
		texts, guessed = map[string]string{}, true
		for _, f := range fields {
			texts[f.Key] = f.TextFor()
		}
	}
	data := make(map[string]string, len(texts))
	for _, key := range sortedKeys(texts) {
		f := newField(key, "")
		data[key] = f.CleanValue(s.facts.expand(texts[key], f.Type == "date"))
		if data[key] != "" {
			continue
		}
		if guessed {
			return nil, &unprepared{TemplateFieldsUnknown, fmt.Sprintf(
				"nothing is known to fill field %s of template %s with; save its texts, or send data with the job", key, s.templateID())}
		}
		return nil, &unprepared{MessageInvalid, fmt.Sprintf(
			"field %s would be empty (from %q); WeChat refuses empty fields", key, texts[key])}
	}
	return data, nil
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
func findTemplate(list []Template, id TemplateID) *Template {
	i := slices.IndexFunc(list, func(t Template) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}
