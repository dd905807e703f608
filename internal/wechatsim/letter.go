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

// letter is what the sends of a campaign have in common: their body but for
// the openid. It is parsed once.
type letter struct {
	no         uint16 // in letterCache.all, from 1; 0 if it is not kept
	message    Message
	head, tail string // the body around the openid
	escapes    bool   // has \u escapes
	campaign   *campaign
	checked    atomic.Pointer[checkedLetter]
}

// checkedLetter is a letter held against a template.
type checkedLetter struct {
	template *Template
	fault    string // the 47003 text, or ""
}

// letterCache finds the letter of a body without parsing it.
type letterCache struct {
	mu      sync.Mutex
	byFrame atomic.Pointer[map[string]*letter]
	all     []*letter
}

// maxLetters is how many letters are kept; the bodies of further ones are
// parsed each time.
const maxLetters = 512

var touser = []byte(`"touser":"`)

// letter returns the letter of a body and the openid it goes to; the openid
// is part of the body. Scratch is for the search and is returned to be used
// again. The letter is nil if the body is not JSON of the right shape.
func (a *Account) letter(body, scratch []byte) (l *letter, openid, used []byte) {
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
	if known := a.letters.byFrame.Load(); known != nil {
		if l := (*known)[string(scratch)]; l != nil {
			return l, body[at:end], scratch
		}
	}
	l = a.parse(body)
	if l != nil && bytes.Count(body, touser[:len(touser)-2]) == 1 && l.message.ToUser == string(body[at:end]) {
		l = a.letters.keep(string(scratch), l, string(body[:at]), string(body[end:]))
		return l, body[at:end], scratch
	}
	return l, nil, scratch
}

func openidChar(c byte) bool {
	_, ok := digit(c)
	return ok
}

// parse reads a body the slow way; nil if WeChat would call it malformed.
func (a *Account) parse(body []byte) *letter {
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
	return &letter{
		message:  m,
		escapes:  bytes.Contains(body, []byte(`\u`)),
		campaign: a.ledger.campaign(in.ClientMsgID),
	}
}

// keep remembers a letter by its frame and returns the one that is kept.
func (c *letterCache) keep(frame string, l *letter, head, tail string) *letter {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := map[string]*letter{}
	if old := c.byFrame.Load(); old != nil {
		if kept := (*old)[frame]; kept != nil {
			return kept
		}
		for k, v := range *old {
			known[k] = v
		}
	}
	if len(known) >= maxLetters {
		return l
	}
	l.head, l.tail = head, tail
	c.all = append(c.all, l)
	l.no = uint16(len(c.all))
	known[frame] = l
	c.byFrame.Store(&known)
	return l
}

// to is the letter as the message to one person.
func (l *letter) to(openid string) Message {
	m := l.message
	m.ToUser = openid
	if l.head != "" {
		m.Raw = l.head + openid + l.tail
	}
	return m
}

// get returns a kept letter by its number.
func (c *letterCache) get(no uint16) *letter {
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
	i, ok := a.people.index([]byte(openid))
	if !ok {
		return Message{}, false
	}
	return a.messageOf(clientMsgID, int64(i)+1)
}

// FirstMessage is the first message delivered in a campaign.
func (a *Account) FirstMessage(clientMsgID string) (Message, bool) {
	return a.messageOf(clientMsgID, a.ledger.look(clientMsgID).firstPerson.Load())
}

// LastMessage is the message delivered last in a campaign.
func (a *Account) LastMessage(clientMsgID string) (Message, bool) {
	return a.messageOf(clientMsgID, a.ledger.look(clientMsgID).lastPerson.Load())
}

func (a *Account) messageOf(clientMsgID string, person int64) (Message, bool) {
	if person == 0 {
		return Message{}, false
	}
	e := a.ledger.look(clientMsgID).entry(int(person - 1))
	l := a.letters.get(e.letter)
	if l == nil || e.delivered == 0 {
		return Message{}, false
	}
	return l.to(a.people.openID(int(person - 1))), true
}
