package wechatsim

import (
	"bytes"
	"encoding/json"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Message is the body of a send.
type Message struct {
	ToUser      string
	TemplateID  string
	URL         string
	MiniProgram MiniProgram
	ClientMsgID string
	Data        map[string]string // by key
	Raw         string            // the body as it came
}

// MiniProgram is where a message leads; empty for nowhere.
type MiniProgram struct {
	AppID    string `json:"appid"`
	PagePath string `json:"pagepath"`
}

// bodyTemplate is what the sends of a campaign have in common: their body but
// for the openid. It is parsed once.
type bodyTemplate struct {
	no         uint16 // in bodyTemplates.all, from 1; 0 if it is not kept
	message    Message
	head, tail string // the body around the openid
	escapes    bool   // has \u escapes
	campaign   *campaign
	checked    atomic.Pointer[checkedBody]
}

// checkedBody is a body held against a message template.
type checkedBody struct {
	template *Template
	fault    string // the 47003 text, or ""
}

// bodyTemplates finds the template of a body without parsing it.
type bodyTemplates struct {
	mu      sync.Mutex
	byFrame atomic.Pointer[map[string]*bodyTemplate]
	all     []*bodyTemplate
}

// maxBodyTemplates is how many are kept; further bodies are parsed each
// time.
const maxBodyTemplates = 512

var touser = []byte(`"touser":"`)

// bodyTemplate returns the template of a body and the openid it goes to; the
// openid is part of the body. Scratch is for the search and is returned to be
// used again. The template is nil if the body is not JSON of the right shape.
func (a *Account) bodyTemplate(body, scratch []byte) (b *bodyTemplate, openid, used []byte) {
	at := bytes.Index(body, touser)
	if at < 0 {
		return a.parse(body), nil, scratch
	}
	at += len(touser)
	end := at
	for end < len(body) && openidChar(body[end]) {
		end++
	}
	if end == len(body) || body[end] != '"' {
		return a.parse(body), nil, scratch
	}
	scratch = append(append(append(scratch[:0], body[:at]...), 0), body[end:]...)
	if known := a.bodies.byFrame.Load(); known != nil {
		if b := (*known)[string(scratch)]; b != nil {
			return b, body[at:end], scratch
		}
	}
	b = a.parse(body)
	if b != nil && bytes.Count(body, touser[:len(touser)-2]) == 1 && b.message.ToUser == string(body[at:end]) {
		b = a.bodies.keep(string(scratch), b, string(body[:at]), string(body[end:]))
		return b, body[at:end], scratch
	}
	return b, nil, scratch
}

func openidChar(c byte) bool {
	_, ok := digit(c)
	return ok
}

// parse reads a body the slow way; nil if WeChat would call it malformed.
func (a *Account) parse(body []byte) *bodyTemplate {
	var in struct {
		ToUser      string      `json:"touser"`
		TemplateID  string      `json:"template_id"`
		URL         string      `json:"url"`
		MiniProgram MiniProgram `json:"miniprogram"`
		ClientMsgID string      `json:"client_msg_id"`
		Data        map[string]struct {
			Value string `json:"value"`
		} `json:"data"`
	}
	if !utf8.Valid(body) || json.Unmarshal(body, &in) != nil {
		return nil
	}
	m := Message{
		ToUser: in.ToUser, TemplateID: in.TemplateID, URL: in.URL,
		MiniProgram: in.MiniProgram, ClientMsgID: in.ClientMsgID,
		Data: make(map[string]string, len(in.Data)), Raw: string(body),
	}
	for key, v := range in.Data {
		m.Data[key] = v.Value
	}
	return &bodyTemplate{
		message:  m,
		escapes:  bytes.Contains(body, []byte(`\u`)),
		campaign: a.ledger.campaign(in.ClientMsgID),
	}
}

// keep remembers a template by its frame and returns the one that is kept.
func (c *bodyTemplates) keep(frame string, b *bodyTemplate, head, tail string) *bodyTemplate {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := map[string]*bodyTemplate{}
	if old := c.byFrame.Load(); old != nil {
		if kept := (*old)[frame]; kept != nil {
			return kept
		}
		for k, v := range *old {
			known[k] = v
		}
	}
	if len(known) >= maxBodyTemplates {
		return b
	}
	b.head, b.tail = head, tail
	c.all = append(c.all, b)
	b.no = uint16(len(c.all))
	known[frame] = b
	c.byFrame.Store(&known)
	return b
}

// to is the message to one recipient.
func (b *bodyTemplate) to(openid string) Message {
	m := b.message
	m.ToUser = openid
	if b.head != "" {
		m.Raw = b.head + openid + b.tail
	}
	return m
}

// get returns a kept template by its number.
func (c *bodyTemplates) get(no uint16) *bodyTemplate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if no == 0 || int(no) > len(c.all) {
		return nil
	}
	return c.all[no-1]
}

// MessageTo is the message that a follower got last in a campaign; false if
// there is none, or it is one of too many different ones to be kept.
func (a *Account) MessageTo(clientMsgID, openid string) (Message, bool) {
	i, ok := a.followers.index([]byte(openid))
	if !ok {
		return Message{}, false
	}
	return a.messageOf(clientMsgID, int64(i)+1)
}

// FirstMessage is the first message delivered in a campaign.
func (a *Account) FirstMessage(clientMsgID string) (Message, bool) {
	return a.messageOf(clientMsgID, a.ledger.look(clientMsgID).firstRecipient.Load())
}

// LastMessage is the message delivered last in a campaign.
func (a *Account) LastMessage(clientMsgID string) (Message, bool) {
	return a.messageOf(clientMsgID, a.ledger.look(clientMsgID).lastRecipient.Load())
}

func (a *Account) messageOf(clientMsgID string, recipient int64) (Message, bool) {
	if recipient == 0 {
		return Message{}, false
	}
	e := a.ledger.look(clientMsgID).entry(int(recipient - 1))
	b := a.bodies.get(e.body)
	if b == nil || e.delivered == 0 {
		return Message{}, false
	}
	return b.to(a.followers.openID(int(recipient - 1))), true
}
