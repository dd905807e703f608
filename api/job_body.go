package api

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"pushd"
	"pushd/internal/compose"
)

// What the texts of a job may look like.
var (
	namePattern  = pattern{regexp.MustCompile(`^[A-Za-z0-9_-]+$`), 64, "1 to 64 letters, digits, _ or -", "name"}
	tokenPattern = pattern{regexp.MustCompile(`^[!-~]+$`), 1024, "1 to 1024 printable ASCII characters without spaces", "token"}
	urlPattern   = pattern{regexp.MustCompile(`^(?:[^\x00-\x20]|` + spacedName + `)+$`), 2048, "an http or https URL of at most 2048 bytes, without spaces", "url"}
	pathPattern  = pattern{regexp.MustCompile(`^(?:[^\x00-\x20]|` + spacedName + `)+$`), 1024, "a path of at most 1024 bytes, without spaces", "path"}

	jobIDText = pattern{jobIDPattern, 24, "the id of a job", "name"}

	dataKeyPattern = regexp.MustCompile(`^[A-Za-z0-9_]{1,32}$`)
)

// spacedName is a placeholder with blanks inside its braces, which do not
// count.
const spacedName = `\{\{\s*\w+\s*\}\}`

const (
	// maxData is how many fields a template may have, maxValue how many
	// characters a value. Both are far beyond WeChat's own limits, to which
	// prepare cuts.
	maxData, maxValue = 50, 2000
	maxRate           = 100_000
	maxFirst          = 100_000_000
	maxExpiresIn      = 30 * 24 * 3600 // s; more is a mistaken unit
	// Deadlines lie between 2001 and 2100; a number of milliseconds does not.
	minDeadline, maxDeadline = 1_000_000_000, 4_102_444_800
)

var jobFields = []string{
	"actid", "appid", "audience", "secret", "appSecret", "accessToken", "accessTokenExpiresIn",
	"templateId", "url", "miniprogram", "data", "deadline", "rate", "first", "continue", "restart", "job", "force", "dryRun",
}

// jobRequest reads the body of POST /v1/jobs.
func (f *fields) jobRequest() pushd.Request {
	r := pushd.Request{
		ActID:    pushd.ActID(f.actID()),
		AppID:    pushd.AppID(f.appID()),
		Audience: f.audience(),
		Asked:    f.asked(),
		Deadline: f.deadline(),
		Continue: f.boolean("continue"),
		Restart:  f.boolean("restart"),
		Force:    f.boolean("force"),
		DryRun:   f.boolean("dryRun"),
	}
	r.AccessToken, r.ExpiresIn = f.token()
	if rate := f.integer("rate", 1, maxRate); rate != nil {
		r.Rate = int(*rate)
	}
	if first := f.integer("first", 0, maxFirst); first != nil {
		n := int(*first)
		r.First = &n
	}
	if r.First != nil && r.Continue {
		f.refuse("first", "belongs to a new job; the one that goes on keeps what it was asked for")
	}
	r.Job = pushd.JobID(f.text("job", jobIDText))
	if r.Job != "" && !r.Continue && !r.Restart {
		f.refuse("job", "belongs to continue or restart: it is the job that these are about")
	}
	if r.Continue && r.Restart {
		f.refuse("restart", "continue and restart exclude each other", wanted("continue or restart"))
	}
	return r
}

func (f *fields) actID() int64 {
	id := f.integer("actid", 1, 1<<63-1)
	if id == nil {
		f.refuse("actid", "is required: the channel's id, above 0", pushd.Because(pushd.WhyRequired))
		return 0
	}
	return *id
}

func (f *fields) appID() string {
	id := f.text("appid", namePattern)
	if id == "" {
		f.refuse("appid", "is required: the Official Account's appid", pushd.Because(pushd.WhyRequired))
	}
	return id
}

// audience reads who is reminded: a text, or a tag as an object.
func (f *fields) audience() pushd.Audience {
	n := f.get("audience")
	if n == nil {
		return ""
	}
	if n.kind == object {
		tag := newFields(n, f.at("audience"), "tagId")
		id := tag.integer("tagId", 1, pushd.TagIDMax)
		if id == nil {
			tag.refuse("tagId", "is required: the id of a tag of the account")
		}
		if f.adopt(tag); f.problem != nil {
			return ""
		}
		return pushd.TagAudience(*id)
	}
	a, err := pushd.ParseAudience(n.text)
	if err != nil || n.kind != text {
		f.refuse("audience", `must be followers, subscribers, tag:ID, or {"tagId": ID}`)
	}
	return a
}

// token reads the access token. One whose time is over counts as none: PHP's
// endpoint has a fresh one.
func (f *fields) token() (pushd.Token, time.Duration) {
	tok := f.text("accessToken", tokenPattern)
	left := f.integer("accessTokenExpiresIn", -maxExpiresIn, maxExpiresIn)
	switch {
	case left == nil:
		return pushd.Token(tok), 0
	case *left <= 0:
		return "", 0
	}
	return pushd.Token(tok), time.Duration(*left) * time.Second
}

func (f *fields) deadline() int64 {
	at := f.integer("deadline", -1<<63, 1<<63-1)
	switch {
	case at == nil:
		return 0
	case *at > maxDeadline:
		f.refuse("deadline", "must be unix seconds; is it milliseconds?", wanted("time"))
	case *at < minDeadline:
		f.refuse("deadline", "must be unix seconds, not a duration", wanted("time"))
	}
	return *at
}

func (f *fields) asked() pushd.Asked {
	return pushd.Asked{
		TemplateID:  pushd.TemplateID(f.text("templateId", namePattern)),
		URL:         f.url(),
		MiniProgram: f.miniProgram(),
		Data:        f.data(),
	}
}

func (f *fields) url() string {
	s := f.text("url", urlPattern)
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		f.refuse("url", "must be "+urlPattern.what, wanted(urlPattern.word))
		return ""
	}
	f.placeholders("url", s)
	return s
}

// placeholders refuses a text with a placeholder that would go out as it is
// written.
func (f *fields) placeholders(name, text string) {
	if p := compose.CheckPlaceholders(name, text); p != nil {
		f.refuse(name, p.Text, p.Why)
	}
}

func (f *fields) miniProgram() *pushd.MiniProgram {
	n := f.object("miniprogram")
	if n == nil || len(n.keys) == 0 {
		return nil
	}
	m := newFields(n, f.at("miniprogram"), "appid", "pagepath")
	p := &pushd.MiniProgram{
		AppID:    m.text("appid", namePattern),
		PagePath: m.text("pagepath", pathPattern),
	}
	if p.AppID == "" {
		m.refuse("appid", "is required: the mini program's appid", pushd.Because(pushd.WhyRequired))
	}
	m.placeholders("pagepath", p.PagePath)
	f.adopt(m)
	return p
}

func (f *fields) data() map[string]string {
	n := f.object("data")
	if n == nil || len(n.keys) == 0 {
		return nil
	}
	if len(n.keys) > maxData {
		f.refuse("data", "has more than 50 fields", pushd.Because(pushd.WhyTooMany, "limit", strconv.Itoa(maxData)))
		return nil
	}
	d := &fields{n: n, path: f.at("data")}
	values := make(map[string]string, len(n.keys))
	for _, key := range n.keys {
		if !dataKeyPattern.MatchString(key) {
			f.refuse("data", "has a field name that is not 1 to 32 letters, digits or _", wanted("field names"))
			break
		}
		values[key] = d.value(key)
	}
	f.adopt(d)
	return values
}

// value reads one text of data: "text", a number, or {"value": either}.
func (f *fields) value(key string) string {
	n := f.n.members[key]
	if n.kind == object {
		inner := newFields(n, f.at(key), "value")
		defer f.adopt(inner)
		if _, there := n.members["value"]; !there {
			inner.refuse("value", "is required", pushd.Because(pushd.WhyRequired))
			return ""
		}
		f, n, key = inner, n.members["value"], "value"
	}
	switch {
	case !slices.Contains([]kind{text, number}, n.kind):
		f.refuse(key, "must be text", wanted("text"))
	case n.text == "":
		f.refuse(key, "must not be empty: WeChat refuses empty values", pushd.Because(pushd.WhyEmpty))
	case utf8.RuneCountInString(n.text) > maxValue:
		f.refuse(key, "must have at most 2000 characters", pushd.Because(pushd.WhyTooLong, "limit", strconv.Itoa(maxValue)))
	}
	f.placeholders(key, n.text)
	return n.text
}

// adopt takes over the refusal of a part.
func (f *fields) adopt(part *fields) {
	if f.problem == nil {
		f.problem = part.problem
	}
}
