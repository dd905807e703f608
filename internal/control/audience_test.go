package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/ledgertest"
	"pushd/internal/retry"
)

// wantProblem checks a refusal's code, and that it names the audience.
func wantProblem(t *testing.T, err error, code pushd.ProblemCode) {
	t.Helper()
	var p *pushd.Problem
	if !errors.As(err, &p) || p.Code != code || p.Field != "audience" {
		t.Errorf("%v, want %s", err, code)
	}
}

// The POST says who is reminded, else the channel does, else it is everyone; and a
// new job of the same reminder is asked again.
func TestPost_Audience(t *testing.T) {
	for _, c := range []struct{ posted, channel, want pushd.Audience }{
		{"", "", "followers"}, {"", "tag:7", "tag:7"}, {"tag:8", "tag:7", "tag:8"}, {"followers", "subscribers", "followers"}, {"subscribers", "", "subscribers"},
	} {
		d := newDesk()
		d.ch.Audience = c.channel
		out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Audience: c.posted})
		if err != nil || out.Job.Audience != c.want {
			t.Errorf("posted %q, the channel says %q: %q, %v", c.posted, c.channel, out.Job.Audience, err)
		}
	}
}

// A job's audience stays what it was: a POST that names another is refused,
// whatever the job's state, and one that names none goes by the job's.
func TestPost_AnotherAudience(t *testing.T) {
	for _, state := range []pushd.State{pushd.Queued, pushd.Running, pushd.Paused, pushd.Parked, pushd.Failed, pushd.Expired, pushd.Canceled} {
		d := newDesk()
		d.ch.Audience = "tag:7"
		d.job(t, state)
		post := func(audience pushd.Audience, restart bool) (pushd.Outcome, error) {
			return d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Audience: audience, Continue: state.Ended() && !restart, Restart: restart})
		}
		d.ch.Audience = "subscribers"
		_, err := post("followers", false)
		wantProblem(t, err, pushd.CodeAudienceDiffers)
		for _, same := range []pushd.Audience{"", "tag:7"} {
			if out, err := post(same, false); err != nil || out.Job.Audience != "tag:7" || out.Job.Run != 0 {
				t.Errorf("%s, posted %q: %q, run %d, %v", state, same, out.Job.Audience, out.Job.Run, err)
			}
		}
	}
	d := newDesk()
	d.ch.Audience = "tag:7"
	d.job(t, pushd.Succeeded)
	d.ch.Audience = "subscribers"
	if out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Restart: true}); err != nil || out.Job.Audience != "subscribers" || out.Job.Run != 1 {
		t.Errorf("restarted for %q, run %d, %v", out.Job.Audience, out.Job.Run, err)
	}
}

// unlisted is a database whose audience query can't be used, or that is away.
type unlisted struct {
	*ledgertest.Memory
	err error
}

func (u unlisted) Subscribers(context.Context, pushd.ActID, pushd.OpenID, int) (pushd.FollowerPage, error) {
	return pushd.FollowerPage{}, u.err
}

// An audience of subscribers wants a query that runs; nothing else does.
func TestPost_SubscribersWantAQuery(t *testing.T) {
	refused := &pushd.AudienceError{Text: "PUSHD_AUDIENCE_QUERY is not set"}
	for _, c := range []struct {
		who pushd.Audience
		err error
		bad bool
	}{
		{"subscribers", refused, true}, {"followers", refused, false}, {"tag:1", refused, false}, {"subscribers", errors.New("connection refused"), false},
	} {
		d := newDesk()
		d.book = unlisted{d.ledger, c.err}
		_, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Audience: c.who})
		if c.bad {
			wantProblem(t, err, pushd.CodeAudienceUnavailable)
		} else if err != nil {
			t.Errorf("%s: %v", c.who, err)
		}
	}
}

// mixed is a database whose audience query gives rows that are no openids, the first
// ones; of a page that they fill it says that it can't be used, as the store does.
type mixed struct {
	*ledgertest.Memory
	odd, good int
}

func (m mixed) Subscribers(_ context.Context, _ pushd.ActID, after pushd.OpenID, limit int) (page pushd.FollowerPage, err error) {
	switch {
	case after != "":
	case limit <= m.odd:
		return page, &pushd.AudienceError{Text: "PUSHD_AUDIENCE_QUERY gives rows without a further openid"}
	default:
		page.Odd = m.odd
		for i := range m.good {
			page.OpenIDs = append(page.OpenIDs, pushd.OpenID(fmt.Sprintf("o%03d", i)))
		}
	}
	return page, nil
}

// A row that is no openid keeps no one else from being reminded, also as the first.
// Where all rows are such the POST is refused: a job would end as if no one had
// asked.
func TestPost_RowsThatAreNoOpenIDs(t *testing.T) {
	for _, c := range []struct {
		odd, good int
		bad       bool
	}{{1, 3, false}, {100, 1, false}, {1, 0, true}, {50, 0, true}, {0, 0, false}} {
		d := newDesk()
		d.book = mixed{d.ledger, c.odd, c.good}
		d.ch.Audience, d.ch.TemplateID, d.ch.Title = "subscribers", "t", "课"
		d.cfg.Account = account.New(&tagging{}, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2))))
		est, err := d.Estimate(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", DryRun: true})
		if refused := slices.ContainsFunc(est.Problems, func(p pushd.Problem) bool { return p.Code == pushd.CodeAudienceUnavailable }); err != nil || refused != c.bad {
			t.Errorf("%+v: %+v, %v", c, est.Problems, err)
		}
		_, err = d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"})
		if c.bad {
			wantProblem(t, err, pushd.CodeAudienceUnavailable)
		} else if err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// tagging is a WeChat with a tag.
type tagging struct {
	pushd.WeChat
	quotas []string
	code   int // to the question for tags
}

func (w *tagging) Page(context.Context, pushd.Token, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	return pushd.FollowerPage{Total: 50_000}, pushd.Answer{}
}

func (w *tagging) Tagged(_ context.Context, _ pushd.Token, tag int64, _ pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	if tag != 101 {
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 45159, Cause: pushd.CauseAudience, Text: "invalid tag id"}
	}
	return pushd.FollowerPage{Uncounted: true, OpenIDs: []pushd.OpenID{"oA"}}, pushd.Answer{}
}

func (w *tagging) Tags(context.Context, pushd.Token) ([]pushd.Tag, pushd.Answer) {
	if w.code != 0 {
		return nil, pushd.Answer{Verdict: pushd.Other, Code: w.code}
	}
	return []pushd.Tag{{ID: 101, Name: "老学员", Count: 1200}}, pushd.Answer{}
}

func (w *tagging) Templates(context.Context, pushd.Token) ([]pushd.Template, pushd.Answer) {
	return []pushd.Template{{ID: "t", Content: "名称:{{thing1.DATA}}"}}, pushd.Answer{}
}

func (w *tagging) Quota(_ context.Context, _ pushd.Token, path string) (int64, pushd.Answer) {
	w.quotas = append(w.quotas, path)
	return 100_000, pushd.Answer{}
}

// An estimate counts the audience that would get it, and looks at the quotas that
// it takes.
func TestEstimate_Audience(t *testing.T) {
	for _, c := range []struct {
		who     pushd.Audience
		total   int64
		quotas  int
		problem pushd.ProblemCode
	}{
		{"", 50_000, 2, ""}, {"tag:101", 1200, 2, ""}, {"tag:102", -1, 0, pushd.CodeAudienceUnavailable}, {"subscribers", 3, 1, ""},
	} {
		d, w := newDesk(), &tagging{}
		d.cfg.Account = account.New(w, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2))))
		d.ch.Audience, d.ch.TemplateID, d.ch.Title = c.who, "t", "课"
		for _, id := range []pushd.OpenID{"oA", "oB", "oC"} {
			d.ledger.Subscribe(1, id)
		}
		est, err := d.Estimate(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", DryRun: true})
		if err != nil || est.Audience != c.who.Or("") || len(w.quotas) != c.quotas || (est.Total == nil) != (c.total < 0) || est.Total != nil && *est.Total != c.total {
			t.Errorf("%q: %+v, asked for %v, %v", c.who, est, w.quotas, err)
		}
		if c.problem == "" && len(est.Problems) > 0 || c.problem != "" && (len(est.Problems) != 1 || est.Problems[0].Code != c.problem) {
			t.Errorf("%q: %+v", c.who, est.Problems)
		}
	}
	d, w := newDesk(), &tagging{}
	d.cfg.Account = account.New(w, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2))))
	d.ch.TemplateID, d.ch.Title = "t", "课"
	d.job(t, pushd.Running)
	est, err := d.Estimate(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Audience: "tag:101", DryRun: true})
	if err != nil || len(est.Problems) != 1 || est.Problems[0].Code != pushd.CodeAudienceDiffers {
		t.Errorf("%+v, %v", est.Problems, err)
	}
}

// The tags of an account, or why they can't be had.
func TestComposer_Tags(t *testing.T) {
	w := &tagging{}
	c := NewComposer(&shelf{}, Config{Account: account.New(w, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2))))})
	tags, err := c.Tags(t.Context(), "wx")
	if err != nil || len(tags) != 1 || tags[0] != (pushd.Tag{ID: 101, Name: "老学员", Count: 1200}) {
		t.Errorf("%+v, %v", tags, err)
	}
	w.code = 48001
	var p *pushd.Problem
	if _, err := c.Tags(t.Context(), "wx"); !errors.As(err, &p) || p.Code != pushd.CodeWeChatRefused {
		t.Errorf("%v", err)
	}
}

// What is wrong with a text of the POST is said of data, and of an owner's text of the
// template's fields.
func TestEstimate_NamesTheField(t *testing.T) {
	for _, c := range []struct {
		data  map[string]string
		title string
		field string
	}{{map[string]string{"thing1": "🙂"}, "课", "data.thing1"}, {nil, "🙂", "fields.thing1"}} {
		d := newDesk()
		d.cfg.Account = account.New(&tagging{}, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2))))
		d.ch.TemplateID, d.ch.Title = "t", c.title
		est, err := d.Estimate(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Asked: pushd.Asked{Data: c.data}, DryRun: true})
		if err != nil || len(est.Problems) != 1 || est.Problems[0].Code != pushd.CodeMessageInvalid || est.Problems[0].Field != c.field {
			t.Errorf("%+v: %+v, %v", c, est.Problems, err)
		}
	}
}
