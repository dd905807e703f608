package main

import (
	"context"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pushd/internal/wechatsim"
)

// phones plays followers: a page a phone, on which codes are scanned and
// messages arrive. All it knows comes from the simulated WeChat.
type phones struct {
	url     string
	account *wechatsim.Account
	server  *http.Server
	ended   chan struct{}

	mu    sync.Mutex
	owned map[int]*phone
}

// phone is one of them.
type phone struct {
	No     int
	OpenID string // "" until it has scanned
	Inbox  []bubble
	Codes  []wechatsim.QRCode
	shown  map[string]bool // messages in Inbox, by client_msg_id
}

// bubble is one thing in a phone's chat.
type bubble struct {
	At    time.Time
	Said  template.HTML // an answer of the account in words, with its links
	Title string        // of a template message
	Lines []line
	URL   string
}

// line is a line of a template message.
type line struct{ Label, Value string }

// mostPhones bounds what a visitor can make of phones.
const mostPhones = 99

//go:embed phone.html
var phonePage string

// phoneTemplate is parsed once and never changed.
var phoneTemplate = template.Must(template.New("phone").Parse(phonePage))

// startPhones serves the phones on an address of loopback.
func (s *show) startPhones(ctx context.Context) (*phones, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the phones: %w", err)
	}
	p := &phones{url: "http://" + l.Addr().String(), account: s.account, ended: make(chan struct{}), owned: map[int]*phone{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phone/{no}", p.show)
	mux.HandleFunc("POST /phone/{no}/scan", p.scan)
	mux.HandleFunc("POST /phone/{no}/leave", p.leave)
	p.server = &http.Server{Handler: http.NewCrossOriginProtection().Handler(mux), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(p.ended)
		_ = p.server.Serve(l)
	}()
	return p, nil
}

func (p *phones) stop() error {
	if p == nil {
		return nil
	}
	err := p.server.Close()
	<-p.ended
	return err
}

// pick returns the phone that a path names, made when it is first looked at.
// Whoever calls holds p.mu.
func (p *phones) pick(r *http.Request) (*phone, error) {
	no, err := strconv.Atoi(r.PathValue("no"))
	if err != nil || no < 1 || no > mostPhones {
		return nil, fmt.Errorf("phones are numbered from 1 to %d", mostPhones)
	}
	if p.owned[no] == nil {
		p.owned[no] = &phone{No: no, shown: map[string]bool{}}
	}
	return p.owned[no], nil
}

func (p *phones) show(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, err := p.pick(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	p.collect(own)
	own.Codes = p.account.QRCodes()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := phoneTemplate.Execute(w, own); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// scan scans a code; a phone's first scan makes it a new follower.
func (p *phones) scan(w http.ResponseWriter, r *http.Request) {
	p.change(w, r, func(own *phone) error {
		openid, err := p.account.Scan(r.FormValue("ticket"), own.OpenID)
		if err == nil {
			own.OpenID = openid
		}
		return err
	})
}

// leave stops following the account.
func (p *phones) leave(w http.ResponseWriter, r *http.Request) {
	p.change(w, r, func(own *phone) error {
		if !p.account.Leave(own.OpenID) {
			return errors.New("this phone follows no account")
		}
		return nil
	})
}

// change does something to a phone and shows it again.
func (p *phones) change(w http.ResponseWriter, r *http.Request, do func(*phone) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, err := p.pick(r)
	if err == nil {
		err = do(own)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/phone/%d", own.No), http.StatusSeeOther)
}

// answered is what the platform's callback answered to one of the followers.
func (p *phones) answered(openid, text string) {
	var m struct {
		Content string `xml:"Content"`
	}
	if xml.Unmarshal([]byte(text), &m) != nil || m.Content == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, own := range p.owned {
		if own.OpenID == openid {
			own.Inbox = append(own.Inbox, bubble{At: time.Now(), Said: linked(m.Content)})
		}
	}
}

// collect takes the template messages that WeChat has delivered since.
func (p *phones) collect(own *phone) {
	if own.OpenID == "" {
		return
	}
	for _, id := range p.account.Campaigns() {
		m, ok := p.account.MessageTo(id, own.OpenID)
		if !ok || own.shown[id] {
			continue
		}
		own.shown[id] = true
		own.Inbox = append(own.Inbox, p.card(m))
	}
	slices.SortStableFunc(own.Inbox, func(a, b bubble) int { return a.At.Compare(b.At) })
}

// card is a template message as WeChat draws it: the labels are the template's.
func (p *phones) card(m wechatsim.Message) bubble {
	b := bubble{At: time.Now(), URL: m.URL}
	for _, t := range p.account.Templates() {
		if t.ID == m.TemplateID {
			b.Title = t.Title
			b.Lines = lines(t.Content, m.Data)
		}
	}
	return b
}

var field = regexp.MustCompile(`^(.*?)[:：]?\s*\{\{\s*(\w+)\.DATA\s*\}\}`)

// lines fills a template's content in. A line without a field, or whose field
// is empty, does not appear.
func lines(content string, data map[string]string) (all []line) {
	for text := range strings.SplitSeq(content, "\n") {
		if f := field.FindStringSubmatch(text); f != nil && data[f[2]] != "" {
			all = append(all, line{f[1], data[f[2]]})
		}
	}
	return all
}

var anchor = regexp.MustCompile(`<a href="(https?://[^"<>]*)">([^<]*)</a>`)

// linked escapes a text but for its links, which WeChat shows.
func linked(text string) template.HTML {
	var out strings.Builder
	for {
		at := anchor.FindStringSubmatchIndex(text)
		if at == nil {
			out.WriteString(template.HTMLEscapeString(text))
			return template.HTML(out.String()) // escaped above
		}
		out.WriteString(template.HTMLEscapeString(text[:at[0]]))
		fmt.Fprintf(&out, `<a target="_blank" href="%s">%s</a>`,
			template.HTMLEscapeString(text[at[2]:at[3]]), template.HTMLEscapeString(text[at[4]:at[5]]))
		text = text[at[1]:]
	}
}
