package control

import (
	"context"
	"errors"
	"strings"
	"time"

	"pushd"
	"pushd/internal/compose"
)

// TextBook keeps what owners wrote for their templates.
type TextBook interface {
	pushd.Channels
	// SaveTexts stores the texts of t.TemplateID, in place of what was
	// there.
	SaveTexts(ctx context.Context, appID pushd.AppID, t pushd.Texts) error
	// Jobs lists jobs, the newest first.
	Jobs(ctx context.Context, f pushd.Filter) (jobs []pushd.Job, next string, err error)
}

// Composer shows an account's templates, keeps the texts of their fields,
// and shows how a message will look before anybody gets it.
type Composer struct {
	book   TextBook
	cfg    Config
	listed listed
}

// NewComposer makes a composer.
func NewComposer(book TextBook, cfg Config) *Composer { return &Composer{book: book, cfg: cfg} }

// TemplateView is one template as its owner sees it.
type TemplateView struct {
	ID    pushd.TemplateID
	Title string
	// Listed says that WeChat lists it. Category templates are not listed;
	// their content is what the owner pasted.
	Listed bool
	// Likely marks the template that suits a live reminder best.
	Likely  bool
	Content string
	Fields  []compose.Field
	// Texts are what is sent in each field: the owner's, or else what pushd
	// would put there by itself ("" where it can't tell).
	Texts       map[string]string
	Saved       bool // the owner saved texts
	URL         string
	MiniProgram *pushd.MiniProgram
}

// Templates lists the account's templates, the likely one for a live
// reminder marked.
func (c *Composer) Templates(ctx context.Context, appID pushd.AppID) ([]TemplateView, error) {
	list, err := c.list(ctx, appID, 0)
	if err != nil {
		return nil, err
	}
	views := make([]TemplateView, 0, len(list))
	best, likely := 0, -1
	for i, t := range list {
		v, err := c.view(ctx, appID, t.ID, list)
		if err != nil {
			return nil, err
		}
		if score := liveScore(v); score > best {
			best, likely = score, i
		}
		views = append(views, v)
	}
	if likely >= 0 {
		views[likely].Likely = true
	}
	return views, nil
}

// Template shows one template, listed or not. Where WeChat can't be asked, it
// shows what the owner saved.
func (c *Composer) Template(ctx context.Context, appID pushd.AppID, id pushd.TemplateID) (TemplateView, error) {
	list, lost := c.list(ctx, appID, 0)
	v, err := c.view(ctx, appID, id, list)
	if err == nil && lost != nil && !v.Saved {
		return TemplateView{}, lost
	}
	return v, err
}

func (c *Composer) view(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, list []pushd.Template) (TemplateView, error) {
	v := TemplateView{ID: id, Texts: map[string]string{}}
	if t := compose.FindTemplate(list, id); t != nil {
		v.Title, v.Content, v.Listed = t.Title, t.Content, true
	}
	saved, err := c.book.Texts(ctx, appID, id)
	if err != nil && !errors.Is(err, pushd.ErrNotFound) {
		return v, err
	}
	if err == nil {
		v.Saved, v.URL, v.MiniProgram = true, saved.URL, saved.MiniProgram
		if saved.Content != "" {
			v.Content = saved.Content
		}
	}
	v.Fields = compose.ParseFields(v.Content)
	for _, f := range v.Fields {
		v.Texts[f.Key] = f.TextFor()
	}
	for key, text := range saved.Fields {
		v.Texts[key] = text
	}
	return v, nil
}

// liveScore says how well a template suits a live reminder; 0 = not at all.
func liveScore(v TemplateView) int {
	score := 0
	for word, weight := range map[string]int{"直播": 4, "开播": 4, "开课": 3, "课程": 2, "活动": 1, "提醒": 1, "预约": 1} {
		if strings.Contains(v.Title, word) || strings.Contains(v.Content, word) {
			score += weight
		}
	}
	for _, f := range v.Fields {
		if f.TextFor() == "" {
			return 0 // it has a field that nothing is known to fill
		}
	}
	return score
}

// askFirst is how long Save waits for WeChat where it can do without.
const askFirst = 3 * time.Second

// Save checks and stores an owner's texts. Nothing is stored if anything is
// wrong; the *Problem names the field. WeChat's list is needed only where
// nothing else says what fields the template has.
func (c *Composer) Save(ctx context.Context, appID pushd.AppID, t pushd.Texts) (TemplateView, error) {
	content, err := c.content(ctx, appID, t)
	if err != nil {
		return TemplateView{}, err
	}
	short, cancel := ctx, context.CancelFunc(func() {})
	if content != "" {
		short, cancel = context.WithTimeout(ctx, askFirst)
	}
	list, err := c.list(short, appID, 0)
	cancel()
	found := compose.FindTemplate(list, t.TemplateID)
	switch {
	case found != nil && t.Content == "":
		content = found.Content
	case content == "" && err != nil:
		return TemplateView{}, pasteInstead(err)
	}
	t.Content = content // what was pasted is not lost, and a look at it needs no list
	if p := compose.CheckTexts(t, content); p != nil {
		return TemplateView{}, p
	}
	if err := c.book.SaveTexts(ctx, appID, t); err != nil {
		return TemplateView{}, err
	}
	return c.view(ctx, appID, t.TemplateID, list)
}

// content is the template's own text as the owner pasted it, now or earlier.
func (c *Composer) content(ctx context.Context, appID pushd.AppID, t pushd.Texts) (string, error) {
	if t.Content != "" {
		return t.Content, nil
	}
	saved, err := c.book.Texts(ctx, appID, t.TemplateID)
	if errors.Is(err, pushd.ErrNotFound) {
		err = nil
	}
	return saved.Content, err
}

// pasteInstead says what to do where WeChat's list can't be had.
func pasteInstead(err error) error {
	var p *pushd.Problem
	if !errors.As(err, &p) {
		return err
	}
	said := *p
	said.Text += "; paste the template's content from WeChat's console to save its texts without the list"
	return &said
}
