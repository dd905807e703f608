package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/ledgertest"
)

// offered remembers the tokens that came with jobs.
type offered struct {
	pushd.Tokens
	tokens []pushd.Token
}

func (o *offered) Offer(_ pushd.AppID, tok pushd.Token, _ time.Duration) {
	o.tokens = append(o.tokens, tok)
}

// desk is a controller on a ledger with one channel.
type desk struct {
	*Controller
	ledger *ledgertest.Memory
	ch     *pushd.Channel
	tokens *offered
}

func newDesk() *desk {
	on, status := true, pushd.StatusNotNotified
	l := ledgertest.NewMemory()
	ch := &pushd.Channel{ActID: 1, AppID: "wx1", StartTime: time.Now().Add(time.Hour).Unix(), LiveNotify: &on, ConfigEnabled: &on, Status: &status}
	l.Channels[1] = ch
	tokens := &offered{}
	cfg := Config{
		Workers: workers{l}, Account: account.New(nil, tokens, nil), Tokens: tokens, Grace: 30 * time.Minute,
		DedupWindow: 9 * time.Minute, Location: time.UTC,
	}
	return &desk{NewController(l, cfg), l, ch, tokens}
}

// workers make the column follow; nobody works.
type workers struct{ ledger *ledgertest.Memory }

func (workers) Wake()               {}
func (workers) Accepted()           {}
func (workers) Disturb(pushd.AppID) {}
func (w workers) Follow(ctx context.Context, j pushd.Job) {
	ch, err := w.ledger.Channel(ctx, j.ActID)
	if err == nil {
		_, _ = w.ledger.CorrectStatus(ctx, j, ch.StartTime, j.LiveNotifyStatus(3)) // never fails
	}
}

// setTexts gives account wx1 the texts of a template.
func setTexts(l *ledgertest.Memory, t pushd.Texts) {
	_ = l.SaveTexts(context.Background(), "wx1", t) // never fails
}

// job makes the channel's job and puts it into a state, with one person of
// each outcome.
func (d *desk) job(t *testing.T, state pushd.State) pushd.JobID {
	t.Helper()
	out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"})
	if err != nil {
		t.Fatal(err)
	}
	j := d.ledger.ByID[out.Job.ID]
	people := []pushd.Person{{State: pushd.PersonSent}, {State: pushd.PersonFailed, Code: 48003}, {State: pushd.PersonUnknown, Code: pushd.CodeTimeout}, {State: pushd.PersonSkipped, Code: 43101}}
	j.State, j.Walk = state, pushd.Walk{Pages: 1, Walked: 4, Complete: true}
	j.Pages = []pushd.Page{{No: 1, OpenIDs: []pushd.OpenID{"a", "b", "c", "d"}}}
	j.Progress = []ledgertest.Progress{{Progress: pushd.Progress{Page: 1, People: 4, Mark: 4, Outcomes: pushd.EncodePersons(nil, people), Counts: pushd.Counts{Sent: 1, Skipped: 1, Failed: 1, Unknown: 1, Retries: 0, InDoubt: 0, Errors: nil}}}}
	if state.Ended() {
		j.StoreTotals()
		j.Reason, j.FinishedAt, j.Notified = "because", 1, state == pushd.Succeeded
		d.ledger.SetStatus(1, j.Job.LiveNotifyStatus(3))
	}
	if state == pushd.Parked {
		j.Reason, j.ParkedUntil = pushd.TokenUnavailable, pushd.Time(time.Now().Add(time.Hour).UnixMicro())
	}
	return out.Job.ID
}

// TestController_Table is the table of commands of docs/architecture.md: every
// command in every state, and what becomes of the job and the status column.
func TestController_Table(t *testing.T) {
	post := func(r pushd.Request) func(context.Context, *desk, pushd.JobID) (string, error) {
		return func(ctx context.Context, d *desk, _ pushd.JobID) (string, error) {
			r.ActID, r.AppID = 1, "wx1"
			out, err := d.Post(ctx, r)
			if out.Existing {
				return "existing " + string(out.Job.State), err
			}
			return fmt.Sprintf("run %d %s", out.Job.Run, out.Job.State), err
		}
	}
	is := func(f func(*desk) func(context.Context, pushd.JobID) (pushd.Job, error)) func(context.Context, *desk, pushd.JobID) (string, error) {
		return func(ctx context.Context, d *desk, id pushd.JobID) (string, error) {
			job, err := f(d)(ctx, id)
			return string(job.State), err
		}
	}
	retry := func(r pushd.RetryRequest) func(context.Context, *desk, pushd.JobID) (string, error) {
		return is(func(d *desk) func(context.Context, pushd.JobID) (pushd.Job, error) {
			return func(ctx context.Context, id pushd.JobID) (pushd.Job, error) { return d.Retry(ctx, id, r) }
		})
	}
	commands := map[string]func(context.Context, *desk, pushd.JobID) (string, error){
		"post":     post(pushd.Request{}),
		"continue": post(pushd.Request{Continue: true}),
		"restart":  post(pushd.Request{Restart: true}),
		"pause":    is(func(d *desk) func(context.Context, pushd.JobID) (pushd.Job, error) { return d.Pause }),
		"resume":   is(func(d *desk) func(context.Context, pushd.JobID) (pushd.Job, error) { return d.Resume }),
		"cancel":   is(func(d *desk) func(context.Context, pushd.JobID) (pushd.Job, error) { return d.Cancel }),
		"retry":    retry(pushd.RetryRequest{}),
	}
	cell := func(result string, status int) string { return fmt.Sprintf("%s, status %d", result, status) }
	all := func(states []pushd.State, result func(pushd.State) string, status func(pushd.State) int) map[pushd.State]string {
		m := map[pushd.State]string{}
		for _, s := range states {
			m[s] = cell(result(s), status(s))
		}
		return m
	}
	merge := func(ms ...map[pushd.State]string) map[pushd.State]string {
		all := map[pushd.State]string{}
		for _, m := range ms {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	constant := func(s string) func(pushd.State) string { return func(pushd.State) string { return s } }
	now := func(n int) func(pushd.State) int { return func(pushd.State) int { return n } }
	ended := func(s pushd.State) int {
		return map[pushd.State]int{pushd.Succeeded: 2}[s] + map[bool]int{true: 3}[s != pushd.Succeeded]
	}
	existing := all(pushd.ActiveStates, func(s pushd.State) string { return "existing " + string(s) }, now(1))
	bad := []pushd.State{pushd.Failed, pushd.Expired, pushd.Canceled}
	refuse := func(code pushd.ProblemCode) map[pushd.State]string {
		return all(pushd.EndedStates, constant(string(code)), ended)
	}
	done := map[pushd.State]string{pushd.Succeeded: cell(string(pushd.CodeAlreadyNotified), 2)}

	for command, want := range map[string]map[pushd.State]string{
		"post":     merge(existing, all(bad, constant(string(pushd.CodeJobEnded)), now(3)), done),
		"continue": merge(existing, all(bad, constant("run 0 queued"), now(1)), done),
		"restart":  merge(existing, all(pushd.EndedStates, constant("run 1 queued"), now(1))),
		"pause":    merge(all(pushd.ActiveStates, constant("paused"), now(1)), refuse(pushd.CodeJobEnded)),
		"resume": merge(refuse(pushd.CodeJobEnded), map[pushd.State]string{
			pushd.Queued: cell("queued", 1), pushd.Running: cell("running", 1), pushd.Paused: cell("queued", 1), pushd.Parked: cell("parked", 1)}),
		"cancel": merge(refuse(pushd.CodeJobEnded), all(pushd.ActiveStates, constant("canceled"), now(3)), map[pushd.State]string{pushd.Canceled: cell("canceled", 3)}),
		"retry": merge(all(pushd.ActiveStates, constant(string(pushd.CodeJobActive)), now(1)), all(bad, constant("queued"), now(1)),
			map[pushd.State]string{pushd.Succeeded: cell("queued", 2)}),
	} {
		for state, want := range want {
			t.Run(command+" "+string(state), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk()
					id := d.job(t, state)
					result, err := commands[command](t.Context(), d, id)
					var p *pushd.Problem
					if errors.As(err, &p) {
						result = string(p.Code)
					} else if err != nil {
						t.Fatal(err)
					}
					if got := cell(result, *d.ch.Status); got != want {
						t.Errorf("got %s; want %s", got, want)
					}
					if p != nil && (p.Text == "" || p.Job == nil) {
						t.Errorf("a refusal that does not explain itself: %+v", p)
					}
					if command == "resume" && state == pushd.Parked && d.ledger.ByID[id].ParkedUntil != 0 {
						t.Error("a parked job does not try now")
					}
				})
			})
		}
	}
}

func TestController_Post(t *testing.T) {
	off := false
	for name, c := range map[string]struct {
		before func(*testing.T, *desk)
		req    pushd.Request
		want   string // "" = a new job
		field  string
	}{
		"status 0":                     {nil, pushd.Request{}, "", ""},
		"status 1":                     {func(_ *testing.T, d *desk) { *d.ch.Status = 1 }, pushd.Request{}, "", ""},
		"status 3":                     {func(_ *testing.T, d *desk) { *d.ch.Status = 3 }, pushd.Request{}, "", ""},
		"status unknown":               {func(_ *testing.T, d *desk) { d.ch.Status = nil }, pushd.Request{}, "", ""},
		"status 2":                     {func(_ *testing.T, d *desk) { *d.ch.Status = 2 }, pushd.Request{}, string(pushd.CodeAlreadyNotified), ""},
		"status 2, restart":            {func(_ *testing.T, d *desk) { *d.ch.Status = 2 }, pushd.Request{Restart: true}, "", ""},
		"no such channel":              {nil, pushd.Request{ActID: 9}, string(pushd.CodeChannelNotFound), "actid"},
		"another account":              {nil, pushd.Request{AppID: "wx2"}, string(pushd.CodeAppIDMismatch), "appid"},
		"account unknown":              {func(_ *testing.T, d *desk) { d.ch.AppID = "" }, pushd.Request{AppID: "wx2"}, "", ""},
		"same reminder, other account": {func(t *testing.T, d *desk) { d.job(t, pushd.Running); d.ch.AppID = "" }, pushd.Request{AppID: "wx2"}, string(pushd.CodeAppIDMismatch), "appid"},
		"reminder off":                 {func(_ *testing.T, d *desk) { d.ch.LiveNotify = &off }, pushd.Request{}, string(pushd.CodeReminderOff), ""},
		"owner disabled":               {func(_ *testing.T, d *desk) { d.ch.ConfigEnabled = &off }, pushd.Request{}, string(pushd.CodeOwnerDisabled), ""},
		"switches unknown":             {func(_ *testing.T, d *desk) { d.ch.LiveNotify, d.ch.ConfigEnabled = nil, nil }, pushd.Request{}, "", ""},
		"too late":                     {func(_ *testing.T, d *desk) { d.ch.StartTime -= 2 * 3600 }, pushd.Request{}, string(pushd.CodeDeadlinePassed), "deadline"},
		"too late, but asked for":      {func(_ *testing.T, d *desk) { d.ch.StartTime -= 2 * 3600 }, pushd.Request{Deadline: time.Now().Add(1e6 * time.Hour).Unix()}, "", ""},
		"a deadline in the past":       {nil, pushd.Request{Deadline: 1000}, string(pushd.CodeDeadlinePassed), "deadline"},
		"the start moved": {func(t *testing.T, d *desk) { d.job(t, pushd.Succeeded); d.ch.StartTime += 600; *d.ch.Status = 0 },
			pushd.Request{}, "", ""},
		"status 0 by a stale save": {func(t *testing.T, d *desk) { d.job(t, pushd.Succeeded); *d.ch.Status = 0 },
			pushd.Request{}, string(pushd.CodeAlreadyNotified), ""},
		"no start, status 0, six hours later": {func(t *testing.T, d *desk) {
			d.ch.StartTime = 0
			d.ledger.ByID[d.job(t, pushd.Succeeded)].FinishedAt = pushd.Time(time.Now().Add(-7 * time.Hour).UnixMicro())
			*d.ch.Status = 0
		}, pushd.Request{}, "", ""},
		"no start, status 0, soon": {func(t *testing.T, d *desk) {
			d.ch.StartTime = 0
			d.ledger.ByID[d.job(t, pushd.Succeeded)].FinishedAt = pushd.Time(time.Now().Add(-5 * time.Hour).UnixMicro())
			*d.ch.Status = 0
		}, pushd.Request{}, string(pushd.CodeAlreadyNotified), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				if c.before != nil {
					c.before(t, d)
				}
				req := c.req
				if req.ActID == 0 {
					req.ActID = 1
				}
				if req.AppID == "" {
					req.AppID = "wx1"
				}
				n := len(d.ledger.ByID)
				out, err := d.Post(t.Context(), req)
				var p *pushd.Problem
				switch errors.As(err, &p); {
				case p != nil && (string(p.Code) != c.want || p.Field != c.field):
					t.Errorf("%s %s: %s; want %q %s", p.Code, p.Field, p.Text, c.want, c.field)
				case p == nil && err != nil:
					t.Error(err)
				case p == nil && (c.want != "" || out.Existing || len(d.ledger.ByID) != n+1 || out.Job.State != pushd.Queued):
					t.Errorf("accepted: %+v; want %q", out, c.want)
				case p == nil && d.ch.Status != nil && *d.ch.Status != pushd.StatusNotifying:
					t.Errorf("status %d", *d.ch.Status)
				}
			})
		})
	}
}

func TestController_TokenOfAnExistingJobIsACandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		id := d.job(t, pushd.Parked)
		out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", AccessToken: "fresh"})
		if err != nil || !out.Existing || d.ledger.ByID[id].ParkedUntil != 0 || len(d.tokens.tokens) == 0 {
			t.Errorf("%+v, %v; parked until %d, offered %d", out, err, d.ledger.ByID[id].ParkedUntil, len(d.tokens.tokens))
		}
	})
}

func TestController_ManyPostsMakeOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		var wg sync.WaitGroup
		var mu sync.Mutex
		made, seen := 0, map[pushd.JobID]bool{}
		for range 1000 {
			wg.Go(func() {
				out, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				seen[out.Job.ID] = true
				if !out.Existing {
					made++
				}
			})
		}
		wg.Wait()
		if made != 1 || len(seen) != 1 {
			t.Errorf("%d jobs were made, %d named", made, len(seen))
		}
	})
}

func TestController_Retry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		code := func(err error) pushd.ProblemCode {
			var p *pushd.Problem
			if errors.As(err, &p) {
				return p.Code
			}
			return ""
		}
		if _, err := d.Retry(t.Context(), "none", pushd.RetryRequest{}); code(err) != pushd.CodeJobNotFound {
			t.Errorf("no such job: %v", err)
		}
		id := d.job(t, pushd.Succeeded)
		if _, err := d.Retry(t.Context(), id, pushd.RetryRequest{Deadline: 1}); code(err) != pushd.CodeDeadlinePassed {
			t.Errorf("a deadline in the past: %v", err)
		}
		if _, err := d.Retry(t.Context(), id, pushd.RetryRequest{}); err != nil {
			t.Fatal(err)
		}
		// Until the worker comes to them, everybody stays on their list.
		if j := d.ledger.Read(d.ledger.ByID[id]); j.Counts.Failed != 1 || j.Counts.Unknown != 1 || j.Retry != pushd.AgainFailed || j.State != pushd.Queued {
			t.Errorf("after a retry: %s %q %+v", j.State, j.Retry, j.Counts)
		}
		d.ledger.ByID[id].State = pushd.Succeeded
		row := &d.ledger.ByID[id].Progress[0]
		row.Outcomes = pushd.EncodePersons(nil, []pushd.Person{{State: pushd.PersonSent}, {State: pushd.PersonSent}, {State: pushd.PersonUnknown}, {State: pushd.PersonSkipped}})
		row.Counts = pushd.Counts{Sent: 2, Unknown: 1, Skipped: 1}
		d.ledger.ByID[id].StoreTotals()
		if _, err := d.Retry(t.Context(), id, pushd.RetryRequest{}); code(err) != pushd.CodeNothingToRetry {
			t.Errorf("nobody failed: %v", err)
		}
		if _, err := d.Retry(t.Context(), id, pushd.RetryRequest{AcceptDuplicates: true}); err != nil {
			t.Errorf("the unknown: %v", err)
		}
		d.ledger.ByID[id].State = pushd.Failed
		if _, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Restart: true}); err != nil {
			t.Fatal(err)
		}
		row.Counts = pushd.Counts{Sent: 2, Failed: 1, Skipped: 1}
		d.ledger.ByID[id].StoreTotals()
		if _, err := d.Retry(t.Context(), id, pushd.RetryRequest{}); code(err) != pushd.CodeJobActive || row.Counts.Failed != 1 {
			t.Errorf("while another job of the channel runs: %v", err)
		}
	})
}

func TestController_Patch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		id := d.job(t, pushd.Running)
		past, future, rate := int64(1000), time.Now().Add(2*time.Hour).Unix(), 7
		var p *pushd.Problem
		if _, err := d.Patch(t.Context(), id, pushd.Patch{Deadline: &past}); !errors.As(err, &p) || p.Code != pushd.CodeDeadlinePassed {
			t.Errorf("a deadline in the past: %v", err)
		}
		if _, err := d.Patch(t.Context(), "none", pushd.Patch{Deadline: &past}); !errors.As(err, &p) || p.Code != pushd.CodeJobNotFound {
			t.Errorf("no such job: %v", err)
		}
		job, err := d.Patch(t.Context(), id, pushd.Patch{Deadline: &future, Rate: &rate})
		if err != nil || job.Deadline != pushd.Time(future*1e6) || !job.DeadlineAsked || job.Rate != 7 || job.State != pushd.Running {
			t.Errorf("%+v, %v", job, err)
		}
	})
}

// A job that has ended is not resumed; the refusal says what goes on with it, where there
// is a rest.
func TestController_ResumeEnded(t *testing.T) {
	for _, state := range pushd.EndedStates {
		d := newDesk()
		id := d.job(t, state)
		_, err := d.Resume(t.Context(), id)
		var p *pushd.Problem
		if !errors.As(err, &p) || p.Code != pushd.CodeJobEnded || !strings.Contains(p.Text, string(state)) ||
			strings.Contains(p.Text, "POST with continue") != (state != pushd.Succeeded) {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// After its deadline no job is resumed, in whatever state it waits: the refusal names
// the deadline and what to do, and with a later one the job goes on.
func TestController_ResumeTooLate(t *testing.T) {
	for _, state := range pushd.ActiveStates {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				id := d.job(t, state)
				deadline := d.ledger.ByID[id].Deadline
				time.Sleep(time.Until(deadline.Std()) - time.Second)
				if _, err := d.Resume(t.Context(), id); err != nil {
					t.Errorf("before the deadline: %v", err)
				}
				d.ledger.ByID[id].State = state
				time.Sleep(time.Second)
				_, err := d.Resume(t.Context(), id)
				var p *pushd.Problem
				if !errors.As(err, &p) || p.Code != pushd.CodeDeadlinePassed || p.Field != "deadline" || p.Job == nil ||
					!strings.Contains(p.Text, "it is too late: the deadline was "+deadline.Std().Format(time.RFC3339)+"; send a later deadline first") {
					t.Fatalf("at the deadline: %v", err)
				}
				later := time.Now().Add(time.Hour).Unix()
				if _, err := d.Patch(t.Context(), id, pushd.Patch{Deadline: &later}); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Resume(t.Context(), id); err != nil {
					t.Errorf("with a later deadline: %v", err)
				}
			})
		})
	}
}

// A POST that asks for another message than that of the job at work is told so;
// one that asks for the same, or says nothing of the message, gets the job.
func TestController_MessageDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		asked := pushd.Asked{TemplateID: "t1", URL: "https://x", MiniProgram: &pushd.MiniProgram{AppID: "wx9", PagePath: "p"}, Data: map[string]string{"thing1": "a"}}
		if _, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Asked: asked}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			asked pushd.Asked
			field string
		}{
			"nothing":      {pushd.Asked{}, ""},
			"the same":     {pushd.Asked{TemplateID: "t1", URL: "https://x", MiniProgram: &pushd.MiniProgram{AppID: "wx9", PagePath: "p"}, Data: map[string]string{"thing1": "a"}}, ""},
			"a part of it": {pushd.Asked{Data: map[string]string{"thing1": "a"}}, ""},
			"template":     {pushd.Asked{TemplateID: "t2"}, "templateId"},
			"url":          {pushd.Asked{URL: "https://y"}, "url"},
			"mini program": {pushd.Asked{MiniProgram: &pushd.MiniProgram{AppID: "wx9", PagePath: "q"}}, "miniprogram"},
			"a text":       {pushd.Asked{Data: map[string]string{"thing1": "b"}}, "data"},
			"another text": {pushd.Asked{Data: map[string]string{"thing1": "a", "thing2": "b"}}, "data"},
		} {
			_, err := d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Asked: c.asked})
			var p *pushd.Problem
			if got := errors.As(err, &p); got != (c.field != "") || got && (p.Code != pushd.CodeMessageDiffers || p.Field != c.field || p.Job == nil) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
