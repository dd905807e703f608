package pushd

import (
	"bytes"
	"encoding/json"
	"maps"
	"strconv"
	"unicode/utf8"
)

// MiniProgram is where a tap on the message leads inside WeChat. It wins over
// the URL.
type MiniProgram struct {
	AppID    string `json:"appid"`
	PagePath string `json:"pagepath"`
}

// Message is what a job sends: the same to everyone, but for the minutes.
// Source: https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage
type Message struct {
	TemplateID  TemplateID        `json:"templateId"`
	URL         string            `json:"url,omitempty"`
	MiniProgram *MiniProgram      `json:"miniprogram,omitempty"`
	Data        map[string]string `json:"data"` // by field key, "thing1"
	// Countdown is what those values are made from that count the minutes; nil
	// where none does. The others hold for the whole job.
	Countdown *Countdown `json:"countdown,omitempty"`
}

// Written are the texts that the values are made from, where that is known, else the
// values.
func (m *Message) Written() map[string]string {
	texts := maps.Clone(m.Data)
	if m.Countdown != nil {
		maps.Copy(texts, m.Countdown.Data)
	}
	return texts
}

// Countdown is what the values of a message are made from that count the minutes
// until the start, so that they can be made again as the minutes pass: by then the
// owner may have changed the texts, and the platform the title.
type Countdown struct {
	StartTime int64             `json:"startTime"`
	Minutes   int64             `json:"minutes"` // how many there are at most: live_notify_time
	Title     string            `json:"title,omitempty"`
	WatchURL  string            `json:"watchUrl,omitempty"`
	Data      map[string]string `json:"data,omitempty"` // by field key
	URL       string            `json:"url,omitempty"`
	PagePath  string            `json:"pagepath,omitempty"`
}

// Letter is a message encoded once for all who get the same: the body of a send is
// Head, the openid, Tail.
type Letter struct{ Head, Tail []byte }

// Letter encodes the message as the body of message/template/send, UTF-8 and
// without \u escapes, which WeChat refuses in places (40033).
func (m *Message) Letter(id MsgID) *Letter {
	type value struct {
		Value string `json:"value"`
	}
	data := make(map[string]value, len(m.Data))
	for k, v := range m.Data {
		data[k] = value{v}
	}
	body := struct {
		TemplateID  TemplateID       `json:"template_id"`
		URL         string           `json:"url,omitempty"`
		MiniProgram *MiniProgram     `json:"miniprogram,omitempty"`
		ClientMsgID MsgID            `json:"client_msg_id"`
		Data        map[string]value `json:"data"`
	}{m.TemplateID, m.URL, m.MiniProgram, id, data}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		panic(err) // strings and maps of strings always encode
	}
	rest := unescape(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return &Letter{
		Head: []byte(`{"touser":"`),
		Tail: append([]byte(`",`), rest[1:]...),
	}
}

// unescape writes the characters that encoding/json has escaped as \uXXXX as
// they are. Controls are left out: they can't stand in JSON, and no one could
// see them.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		if b[i+1] != 'u' {
			out = append(out, b[i], b[i+1])
			i++
			continue
		}
		if r, err := strconv.ParseUint(string(b[i+2:i+6]), 16, 16); err == nil && r >= ' ' {
			out = utf8.AppendRune(out, rune(r))
		}
		i += 5
	}
	return out
}

// Template is one of an account's message templates.
type Template struct {
	ID      TemplateID `json:"templateId"`
	Title   string     `json:"title"`
	Content string     `json:"content"` // "课程名称:{{thing1.DATA}}\n…"
}

// Texts is what an owner wrote for a template (table pushd_template). A text
// may hold {{title}}, {{startTime}}, {{minutes}} and {{url}}.
type Texts struct {
	TemplateID  TemplateID        `json:"templateId"`
	Content     string            `json:"content,omitempty"` // the template's own, pasted from WeChat's console
	Fields      map[string]string `json:"fields,omitempty"`
	URL         string            `json:"url,omitempty"`
	MiniProgram *MiniProgram      `json:"miniprogram,omitempty"`
}

// MessageVersion is one of the messages that a job has had.
type MessageVersion struct {
	Version int // from 1
	Message Message
	At      Time // when it was made
}
