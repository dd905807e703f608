package console

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// views are the pages; words are their texts, a file for each language with the
// same keys.
//
//go:embed views words
var views embed.FS

// languages are those that there are, the usual one first.
var languages = []string{"en", "zh"}

// face is the console in one language.
type face struct {
	Code  string // of the language
	words map[string]string
	pages *template.Template
	o     Options
}

// newFaces reads the texts and the pages. They are embedded, and a test reads
// them all, so what is wrong with them is a mistake of the program.
func newFaces(o Options) map[string]*face {
	faces := map[string]*face{}
	for _, code := range languages {
		f := &face{Code: code, o: o}
		raw, err := views.ReadFile("words/" + code + ".json")
		if err == nil {
			err = json.Unmarshal(raw, &f.words)
		}
		if err != nil {
			panic(fmt.Sprintf("console: words of %s: %v", code, err))
		}
		f.pages = template.Must(template.New("").Funcs(f.functions()).ParseFS(views, "views/*.html"))
		faces[code] = f
	}
	return faces
}

// faceFor is the console in the language that a browser asks for: the one that
// was chosen, else the first known one of Accept-Language.
func (c *Console) faceFor(r *http.Request) *face {
	if chosen, err := r.Cookie(languageCookie); err == nil && c.faces[chosen.Value] != nil {
		return c.faces[chosen.Value]
	}
	for tag := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		if f := c.faces[tag]; f != nil {
			return f
		}
	}
	return c.faces[languages[0]]
}

// t is a text of the catalogue. A key that it lacks shows as it is.
func (f *face) t(key string, args ...any) string {
	text := cmp.Or(f.words[key], key)
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// word is a text of the catalogue for a word of the API's, or that word: a newer
// API may say what this console does not know.
func (f *face) word(kind string, of any) string {
	name := fmt.Sprint(of)
	return cmp.Or(f.words[kind+"."+name], name)
}

// functions are what the pages call beside their data.
func (f *face) functions() template.FuncMap {
	return template.FuncMap{
		"t": f.t, "word": f.word, "n": number, "per": f.rate,
		"when": f.when, "moment": f.moment, "stamp": stamp, "ago": f.relative, "local": f.local,
		"left": left, "people": people, "share": share, "bar": bar, "title": title,
		"clock": f.clock, "hm": f.hm, "late": late, "short": short, "advice": f.advice, "own": f.own, "mask": mask,
		"audience": f.audience, "shown": shown, "hidden": hidden,
		"at":   func(t time.Time) *time.Time { return &t },
		"plus": func(a, b int) int { return a + b },
		"row":  func(l layout, j client.Job) row { return row{l, j} },
		"list": func(of ...any) []any { return of },
		"keys": func(of map[string]string) []string { return slices.Sorted(maps.Keys(of)) },
	}
}

// audience says who is reminded by a job.
func (f *face) audience(j client.Job) string {
	if tag, ok := pushd.Audience(j.Audience).Tag(); ok {
		return f.t("audience.tag", tag)
	}
	return f.word("audience", pushd.Audience(j.Audience).Or(""))
}

// layout is what every page has around its own.
type layout struct {
	Title string // a key of the catalogue
	Of    string // what the title is about, such as a job's id
	Tab   string
	// Live says that the page has a part that is renewed; Still that it is
	// not now.
	Live, Still bool
	Status      int

	Face     *face
	Session  bool
	ReadOnly bool
	Who      string
	CSRF     string
	Path     string
	Version  string
	Instance string
	Zone     string
	Now      time.Time
	Main     string
	Body     any
}

// row is a job on a page that lists jobs.
type row struct {
	layout
	Job client.Job
}

// rowsShown is how many jobs of a kind the page "now" lists.
const rowsShown = 50

// shown are the jobs of a list that are on the page, hidden how many are not.
func shown(jobs []client.Job) []client.Job { return jobs[:min(len(jobs), rowsShown)] }

func hidden(jobs []client.Job) int { return max(len(jobs)-rowsShown, 0) }

// advice is what to do about a job that waits or has ended, where that is known.
func (f *face) advice(j client.Job) string { return f.words["advice."+string(j.Reason)] }

// own explains a code that no table of WeChat's errcodes has.
func (f *face) own(l errorLine) string {
	return cmp.Or(f.words["errcode."+l.Code], f.t("errors.unlisted"))
}

// show renders a page whole before any of it is sent.
func (f *face) show(w http.ResponseWriter, r *http.Request, status int, page string, l layout, body any) {
	l.Face, l.Body, l.Main, l.Path, l.Status = f, body, page, r.URL.RequestURI(), status
	l.Version, l.Instance, l.Zone, l.Now = f.o.Version, f.o.Instance, f.o.Location.String(), f.o.Now()
	if r.Method != http.MethodGet {
		l.Path = Root // a form's answer can't be asked for again
	}
	var b bytes.Buffer
	if err := f.pages.ExecuteTemplate(&b, "layout", l); err != nil {
		f.o.Logger.Error("console: page not rendered", "page", page, "error", err)
		http.Error(w, "pushd's log says why this page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", f.Code)
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever asked is gone
}

// Render renders a page's own part within the layout.
func (l layout) Render() (template.HTML, error) { return l.part(l.Main) }

// More renders the part of a page that is never renewed, if it has one.
func (l layout) More() (template.HTML, error) {
	if l.Face.pages.Lookup(l.Main+".more") == nil {
		return "", nil
	}
	return l.part(l.Main + ".more")
}

func (l layout) part(name string) (template.HTML, error) {
	var b bytes.Buffer
	err := l.Face.pages.ExecuteTemplate(&b, name, l)
	return template.HTML(b.String()), err // escaped by its own template
}

// At is when the page was made.
func (l layout) At() *time.Time { return &l.Now }

// Toggle is the address of the page with its renewal stopped, or begun again.
func (l layout) Toggle() string {
	u, err := url.Parse(l.Path)
	if err != nil {
		return Root
	}
	q := u.Query()
	q.Del("live")
	if !l.Still {
		q.Set("live", "off")
	}
	u.RawQuery = q.Encode()
	return u.RequestURI()
}

// Languages lists the languages that there are beside this one.
func (l layout) Languages() (others []string) {
	for _, code := range languages {
		if code != l.Face.Code {
			others = append(others, code)
		}
	}
	return others
}

// Lang is the language of the page as HTML has it.
func (l layout) Lang() string { return l.Face.t("lang") }

// show renders a page for a visit.
func (c *Console) show(v *visit, status int, page string, l layout, body any) {
	l.Session, l.CSRF = true, c.ring.Load().seal.token(v.session)
	key := c.keyOf(v.session)
	l.Who, l.ReadOnly = string(key.Name), key.ReadOnly
	l.Still = l.Live && v.r.URL.Query().Get("live") == "off"
	v.face.show(v.w, v.r, status, page, l, body)
}
