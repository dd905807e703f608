package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// offered remembers the tokens that came with jobs.
type offered struct {
	Tokens
	tokens []Token
}

func (o *offered) Offer(_ AppID, tok Token, _ time.Duration) { o.tokens = append(o.tokens, tok) }

// desk is a controller on a ledger with one channel.
type desk struct {
	*Controller
	ledger *fakeLedger
	ch     *Channel
	tokens *offered
}

func newDesk() *desk {
	on, status := true, StatusNotNotified
	l := newFakeLedger()
	ch := &Channel{ActID: 1, AppID: "wx1", StartTime: time.Now().Add(time.Hour).Unix(), LiveNotify: &on, ConfigEnabled: &on, Status: &status}
	l.channels[1] = ch
	tokens := &offered{}
	e := New(Config{Ledger: l, Tokens: tokens, Log: slog.New(slog.DiscardHandler), Concurrency: 8, MaxJobs: 1, Grace: 30 * time.Minute,
		StatusFailed: 3, Location: time.UTC, Rand: rand.New(rand.NewPCG(1, 1))})
	return &desk{NewController(l, e), l, ch, tokens}
}

// job makes the channel's job and puts it into a state, with one person of
// each outcome.
func (d *desk) job(t *testing.T, state State) JobID {
	t.Helper()
	out, err := d.Post(t.Context(), Request{ActID: 1, AppID: "wx1"})
	if err != nil {
		t.Fatal(err)
	}
	j := d.ledger.jobs[out.Job.ID]
	people := []Person{{State: PersonSent}, {State: PersonFailed, Code: 48003}, {State: PersonUnknown, Code: CodeTimeout}, {State: PersonSkipped, Code: 43101}}
	j.State, j.Walk = state, Walk{Pages: 1, Walked: 4, Complete: true}
	j.pages = []Page{{1, []OpenID{"a", "b", "c", "d"}}}
	j.progress = []fakeProgress{{Progress: Progress{Page: 1, People: 4, Mark: 4, Outcomes: EncodePersons(nil, people), Counts: Counts{1, 1, 1, 1, 0, 0, nil}}}}
	if state.Ended() {
		j.Reason, j.FinishedAt, j.Notified = "because", 1, state == Succeeded
		d.ledger.setStatus(1, Projection(j.Job, 3), "test")
	}
	if state == Parked {
		j.Reason, j.ParkedUntil = TokenUnavailable, Time(time.Now().Add(time.Hour).UnixMicro())
	}
	return out.Job.ID
}

// TestController_Table is the table of commands of docs/architecture.md: every
// command in every state, and what becomes of the job and the status column.
func TestController_Table(t *testing.T) {
	post := func(r Request) func(context.Context, *desk, JobID) (string, error) {
		return func(ctx context.Context, d *desk, _ JobID) (string, error) {
			r.ActID, r.AppID = 1, "wx1"
			out, err := d.Post(ctx, r)
			if out.Existing {
				return "existing " + string(out.Job.State), err
			}
			return fmt.Sprintf("run %d %s", out.Job.Run, out.Job.State), err
		}
	}
	is := func(f func(*desk) func(context.Context, JobID) (Job, error)) func(context.Context, *desk, JobID) (string, error) {
		return func(ctx context.Context, d *desk, id JobID) (string, error) {
			job, err := f(d)(ctx, id)
			return string(job.State), err
		}
	}
	retry := func(r RetryRequest) func(context.Context, *desk, JobID) (string, error) {
		return is(func(d *desk) func(context.Context, JobID) (Job, error) {
			return func(ctx context.Context, id JobID) (Job, error) { return d.Retry(ctx, id, r) }
		})
	}
	commands := map[string]func(context.Context, *desk, JobID) (string, error){
		"post":     post(Request{}),
		"continue": post(Request{Continue: true}),
		"restart":  post(Request{Restart: true}),
		"pause":    is(func(d *desk) func(context.Context, JobID) (Job, error) { return d.Pause }),
		"resume":   is(func(d *desk) func(context.Context, JobID) (Job, error) { return d.Resume }),
		"cancel":   is(func(d *desk) func(context.Context, JobID) (Job, error) { return d.Cancel }),
		"retry":    retry(RetryRequest{}),
	}
	cell := func(result string, status int) string { return fmt.Sprintf("%s, status %d", result, status) }
	all := func(states []State, result func(State) string, status func(State) int) map[State]string {
		m := map[State]string{}
		for _, s := range states {
			m[s] = cell(result(s), status(s))
		}
		return m
	}
	merge := func(ms ...map[State]string) map[State]string {
		all := map[State]string{}
		for _, m := range ms {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	constant := func(s string) func(State) string { return func(State) string { return s } }
	now := func(n int) func(State) int { return func(State) int { return n } }
	ended := func(s State) int { return map[State]int{Succeeded: 2}[s] + map[bool]int{true: 3}[s != Succeeded] }
	existing := all(ActiveStates, func(s State) string { return "existing " + string(s) }, now(1))
	bad := []State{Failed, Expired, Canceled}
	refuse := func(code ProblemCode) map[State]string { return all(EndedStates, constant(string(code)), ended) }
	done := map[State]string{Succeeded: cell(string(CodeAlreadyNotified), 2)}

	for command, want := range map[string]map[State]string{
		"post":     merge(existing, all(bad, constant(string(CodeJobEnded)), now(3)), done),
		"continue": merge(existing, all(bad, constant("run 0 queued"), now(1)), done),
		"restart":  merge(existing, all(EndedStates, constant("run 1 queued"), now(1))),
		"pause":    merge(all(ActiveStates, constant("paused"), now(1)), refuse(CodeJobEnded)),
		"resume": merge(refuse(CodeJobEnded), map[State]string{
			Queued: cell("queued", 1), Running: cell("running", 1), Paused: cell("queued", 1), Parked: cell("parked", 1)}),
		"cancel": merge(refuse(CodeJobEnded), all(ActiveStates, constant("canceled"), now(3)), map[State]string{Canceled: cell("canceled", 3)}),
		"retry": merge(all(ActiveStates, constant(string(CodeJobActive)), now(1)), all(bad, constant("queued"), now(1)),
			map[State]string{Succeeded: cell("queued", 2)}),
	} {
		for state, want := range want {
			t.Run(command+" "+string(state), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk()
					id := d.job(t, state)
					result, err := commands[command](t.Context(), d, id)
					var p *Problem
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
					if command == "resume" && state == Parked && d.ledger.jobs[id].ParkedUntil != 0 {
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
		req    Request
		want   string // "" = a new job
		field  string
	}{
		"status 0":                     {nil, Request{}, "", ""},
		"status 1":                     {func(_ *testing.T, d *desk) { *d.ch.Status = 1 }, Request{}, "", ""},
		"status 3":                     {func(_ *testing.T, d *desk) { *d.ch.Status = 3 }, Request{}, "", ""},
		"status unknown":               {func(_ *testing.T, d *desk) { d.ch.Status = nil }, Request{}, "", ""},
		"status 2":                     {func(_ *testing.T, d *desk) { *d.ch.Status = 2 }, Request{}, string(CodeAlreadyNotified), ""},
		"status 2, restart":            {func(_ *testing.T, d *desk) { *d.ch.Status = 2 }, Request{Restart: true}, "", ""},
		"no such channel":              {nil, Request{ActID: 9}, string(CodeChannelNotFound), "actid"},
		"another account":              {nil, Request{AppID: "wx2"}, string(CodeAppIDMismatch), "appid"},
		"account unknown":              {func(_ *testing.T, d *desk) { d.ch.AppID = "" }, Request{AppID: "wx2"}, "", ""},
		"same reminder, other account": {func(t *testing.T, d *desk) { d.job(t, Running); d.ch.AppID = "" }, Request{AppID: "wx2"}, string(CodeAppIDMismatch), "appid"},
		"reminder off":                 {func(_ *testing.T, d *desk) { d.ch.LiveNotify = &off }, Request{}, string(CodeReminderOff), ""},
		"owner disabled":               {func(_ *testing.T, d *desk) { d.ch.ConfigEnabled = &off }, Request{}, string(CodeOwnerDisabled), ""},
		"switches unknown":             {func(_ *testing.T, d *desk) { d.ch.LiveNotify, d.ch.ConfigEnabled = nil, nil }, Request{}, "", ""},
		"too late":                     {func(_ *testing.T, d *desk) { d.ch.StartTime -= 2 * 3600 }, Request{}, string(CodeDeadlinePassed), "deadline"},
		"too late, but asked for":      {func(_ *testing.T, d *desk) { d.ch.StartTime -= 2 * 3600 }, Request{Deadline: time.Now().Add(1e6 * time.Hour).Unix()}, "", ""},
		"a deadline in the past":       {nil, Request{Deadline: 1000}, string(CodeDeadlinePassed), "deadline"},
		"the start moved": {func(t *testing.T, d *desk) { d.job(t, Succeeded); d.ch.StartTime += 600; *d.ch.Status = 0 },
			Request{}, "", ""},
		"status 0 by a stale save": {func(t *testing.T, d *desk) { d.job(t, Succeeded); *d.ch.Status = 0 },
			Request{}, string(CodeAlreadyNotified), ""},
		"no start, status 0, six hours later": {func(t *testing.T, d *desk) {
			d.ch.StartTime = 0
			d.ledger.jobs[d.job(t, Succeeded)].FinishedAt = Time(time.Now().Add(-7 * time.Hour).UnixMicro())
			*d.ch.Status = 0
		}, Request{}, "", ""},
		"no start, status 0, soon": {func(t *testing.T, d *desk) {
			d.ch.StartTime = 0
			d.ledger.jobs[d.job(t, Succeeded)].FinishedAt = Time(time.Now().Add(-5 * time.Hour).UnixMicro())
			*d.ch.Status = 0
		}, Request{}, string(CodeAlreadyNotified), ""},
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
				n := len(d.ledger.jobs)
				out, err := d.Post(t.Context(), req)
				var p *Problem
				switch errors.As(err, &p); {
				case p != nil && (string(p.Code) != c.want || p.Field != c.field):
					t.Errorf("%s %s: %s; want %q %s", p.Code, p.Field, p.Text, c.want, c.field)
				case p == nil && err != nil:
					t.Error(err)
				case p == nil && (c.want != "" || out.Existing || len(d.ledger.jobs) != n+1 || out.Job.State != Queued):
					t.Errorf("accepted: %+v; want %q", out, c.want)
				case p == nil && d.ch.Status != nil && *d.ch.Status != StatusNotifying:
					t.Errorf("status %d", *d.ch.Status)
				}
			})
		})
	}
}

func TestController_TokenOfAnExistingJobIsACandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		id := d.job(t, Parked)
		out, err := d.Post(t.Context(), Request{ActID: 1, AppID: "wx1", AccessToken: "fresh"})
		if err != nil || !out.Existing || d.ledger.jobs[id].ParkedUntil != 0 || len(d.tokens.tokens) == 0 {
			t.Errorf("%+v, %v; parked until %d, offered %d", out, err, d.ledger.jobs[id].ParkedUntil, len(d.tokens.tokens))
		}
	})
}

func TestController_ManyPostsMakeOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		var wg sync.WaitGroup
		var mu sync.Mutex
		made, seen := 0, map[JobID]bool{}
		for range 1000 {
			wg.Go(func() {
				out, err := d.Post(t.Context(), Request{ActID: 1, AppID: "wx1"})
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
		code := func(err error) ProblemCode {
			var p *Problem
			if errors.As(err, &p) {
				return p.Code
			}
			return ""
		}
		if _, err := d.Retry(t.Context(), "none", RetryRequest{}); code(err) != CodeJobNotFound {
			t.Errorf("no such job: %v", err)
		}
		id := d.job(t, Succeeded)
		if _, err := d.Retry(t.Context(), id, RetryRequest{Deadline: 1}); code(err) != CodeDeadlinePassed {
			t.Errorf("a deadline in the past: %v", err)
		}
		if _, err := d.Retry(t.Context(), id, RetryRequest{}); err != nil {
			t.Fatal(err)
		}
		// Until the worker comes to them, everybody stays on their list.
		if j := d.ledger.jobs[id].read(0); j.Counts.Failed != 1 || j.Counts.Unknown != 1 || j.Retry != AgainFailed || j.State != Queued {
			t.Errorf("after a retry: %s %q %+v", j.State, j.Retry, j.Counts)
		}
		d.ledger.jobs[id].State = Succeeded
		row := &d.ledger.jobs[id].progress[0]
		row.Outcomes = EncodePersons(nil, []Person{{State: PersonSent}, {State: PersonSent}, {State: PersonUnknown}, {State: PersonSkipped}})
		row.Counts = Counts{Sent: 2, Unknown: 1, Skipped: 1}
		if _, err := d.Retry(t.Context(), id, RetryRequest{}); code(err) != CodeNothingToRetry {
			t.Errorf("nobody failed: %v", err)
		}
		if _, err := d.Retry(t.Context(), id, RetryRequest{AcceptDuplicates: true}); err != nil {
			t.Errorf("the unknown: %v", err)
		}
		d.ledger.jobs[id].State = Failed
		if _, err := d.Post(t.Context(), Request{ActID: 1, AppID: "wx1", Restart: true}); err != nil {
			t.Fatal(err)
		}
		row.Counts = Counts{Sent: 2, Failed: 1, Skipped: 1}
		if _, err := d.Retry(t.Context(), id, RetryRequest{}); code(err) != CodeJobActive || row.Counts.Failed != 1 {
			t.Errorf("while another job of the channel runs: %v", err)
		}
	})
}

func TestController_Patch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		id := d.job(t, Running)
		past, future, rate := int64(1000), time.Now().Add(2*time.Hour).Unix(), 7
		var p *Problem
		if _, err := d.Patch(t.Context(), id, Patch{Deadline: &past}); !errors.As(err, &p) || p.Code != CodeDeadlinePassed {
			t.Errorf("a deadline in the past: %v", err)
		}
		if _, err := d.Patch(t.Context(), "none", Patch{Deadline: &past}); !errors.As(err, &p) || p.Code != CodeJobNotFound {
			t.Errorf("no such job: %v", err)
		}
		job, err := d.Patch(t.Context(), id, Patch{Deadline: &future, Rate: &rate})
		if err != nil || job.Deadline != Time(future*1e6) || !job.DeadlineAsked || job.Rate != 7 || job.State != Running {
			t.Errorf("%+v, %v", job, err)
		}
	})
}

// A POST that asks for another message than that of the job at work is told so;
// one that asks for the same, or says nothing of the message, gets the job.
func TestController_MessageDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		asked := Asked{TemplateID: "t1", URL: "https://x", MiniProgram: &MiniProgram{"wx9", "p"}, Data: map[string]string{"thing1": "a"}}
		if _, err := d.Post(t.Context(), Request{ActID: 1, AppID: "wx1", Asked: asked}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			asked Asked
			field string
		}{
			"nothing":      {Asked{}, ""},
			"the same":     {Asked{TemplateID: "t1", URL: "https://x", MiniProgram: &MiniProgram{"wx9", "p"}, Data: map[string]string{"thing1": "a"}}, ""},
			"a part of it": {Asked{Data: map[string]string{"thing1": "a"}}, ""},
			"template":     {Asked{TemplateID: "t2"}, "templateId"},
			"url":          {Asked{URL: "https://y"}, "url"},
			"mini program": {Asked{MiniProgram: &MiniProgram{"wx9", "q"}}, "miniprogram"},
			"a text":       {Asked{Data: map[string]string{"thing1": "b"}}, "data"},
			"another text": {Asked{Data: map[string]string{"thing1": "a", "thing2": "b"}}, "data"},
		} {
			_, err := d.Post(t.Context(), Request{ActID: 1, AppID: "wx1", Asked: c.asked})
			var p *Problem
			if got := errors.As(err, &p); got != (c.field != "") || got && (p.Code != CodeMessageDiffers || p.Field != c.field || p.Job == nil) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
