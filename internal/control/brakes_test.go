package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// street is a desk with several channels of one account, and brakes.
type street struct {
	*desk
	t *testing.T
}

func newStreet(t *testing.T, channels int, gap time.Duration, perDay int) *street {
	t.Helper()
	d := newDesk()
	d.cfg.Brakes = pushd.Brakes{MinGap: &gap, PerDay: &perDay}
	d.cfg.Location = time.FixedZone("Asia/Shanghai", 8*60*60)
	for id := pushd.ActID(2); id <= pushd.ActID(channels); id++ {
		other, status := *d.ch, pushd.StatusNotNotified
		other.ActID, other.Status = id, &status
		d.ledger.Channels[id] = &other
	}
	return &street{d, t}
}

// post posts, and gives the code of the refusal, "" if the job was accepted.
func (s *street) post(id pushd.ActID, change ...func(*pushd.Request)) (pushd.ProblemCode, *pushd.Problem) {
	s.t.Helper()
	req := pushd.Request{ActID: id, AppID: "wx1"}
	for _, f := range change {
		f(&req)
	}
	_, err := s.Post(s.t.Context(), req)
	var p *pushd.Problem
	if errors.As(err, &p) {
		return p.Code, p
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return "", nil
}

// end ends the channel's job; sends says that it has sent before.
func (s *street) end(id pushd.ActID, sends bool) {
	s.t.Helper()
	job, err := s.ledger.Last(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	if sends {
		s.ledger.ByID[job.ID].LastSent = s.ledger.Clock()
	}
	if _, err := s.Cancel(s.t.Context(), job.ID); err != nil {
		s.t.Fatal(err)
	}
}

// noTokens has none.
type noTokens struct{ pushd.Tokens }

func (noTokens) Token(context.Context, pushd.AppID, pushd.ActID) (pushd.Token, error) {
	return "", &pushd.TokenError{Err: errors.New("no token")}
}

func force(r *pushd.Request) { r.Force = true }

// Within the gap after the account's last message no other reminder is accepted,
// nor while one is at work. One that never sent does not count.
func TestBrakes_MinGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 4, 30*time.Minute, 0)
		if code, _ := s.post(1); code != "" {
			t.Fatalf("the first: %s", code)
		}
		if code, p := s.post(2); code != pushd.CodeTooSoon || p.NotBefore != 0 {
			t.Errorf("beside one at work: %v, %+v", code, p)
		}
		if code, _ := s.post(1); code != "" {
			t.Errorf("the same reminder again: %s", code)
		}
		s.end(1, false)
		if code, _ := s.post(2); code != "" {
			t.Errorf("after one that never sent: %s", code)
		}
		time.Sleep(time.Minute)
		s.end(2, true)
		free := s.ledger.Clock().Add(30 * time.Minute)
		time.Sleep(30*time.Minute - time.Second)
		if code, p := s.post(3); code != pushd.CodeTooSoon || p.NotBefore != free {
			t.Errorf("a second too soon: %v, %+v, want not before %d", code, p, free)
		}
		if code, _ := s.post(3, force); code != "" {
			t.Errorf("by force: %s", code)
		}
		s.end(3, true)
		time.Sleep(30 * time.Minute)
		if code, _ := s.post(4); code != "" {
			t.Errorf("after the gap: %s", code)
		}
	})
}

// A day is one of the zone's; whatever may have sent on it counts, also by force,
// and what was accepted yesterday and has not ended.
func TestBrakes_PerDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 9, 0, 2) // the bubble's clock begins at 08:00 in Beijing
		for id := range pushd.ActID(2) {
			if code, _ := s.post(id + 1); code != "" {
				t.Fatalf("the %dth: %s", id+1, code)
			}
		}
		midnight := pushd.Time(time.Now().Add(16 * time.Hour).UnixMicro())
		if code, p := s.post(3); code != pushd.CodeTooManyToday || p.NotBefore != midnight {
			t.Errorf("the third: %v, %+v, want not before %d", code, p, midnight)
		}
		if code, _ := s.post(3, force); code != "" {
			t.Errorf("the third by force: %s", code)
		}
		s.end(1, true)
		s.end(2, true)
		for _, id := range []pushd.ActID{4, 5} {
			s.ledger.Channels[id].StartTime += 48 * 3600
		}
		time.Sleep(16 * time.Hour) // the third is still there
		if code, _ := s.post(4); code != "" {
			t.Errorf("the next day: %s", code)
		}
		if code, _ := s.post(5); code != pushd.CodeTooManyToday {
			t.Errorf("the next day's second, beside one of yesterday: %v", code)
		}
	})
}

// A channel's own brakes win over the settings, 0 included; so does what its row
// leaves unsaid not.
func TestBrakes_OfTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 3, time.Hour, 1)
		none, zero, two := time.Duration(0), 0, 2
		s.ledger.Channels[2].Brakes = pushd.Brakes{MinGap: &none, PerDay: &two}
		s.ledger.Channels[3].Brakes = pushd.Brakes{PerDay: &zero}
		for _, c := range []struct {
			id   pushd.ActID
			want pushd.ProblemCode
		}{{1, ""}, {2, ""}, {3, pushd.CodeTooSoon}} {
			if code, _ := s.post(c.id); code != c.want {
				t.Errorf("channel %d: %q, want %q", c.id, code, c.want)
			}
		}
	})
}

// A restart is another reminder; to go on with one that was let through is not.
func TestBrakes_OnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 2, 0, 1)
		s.post(1)
		s.end(1, true)
		if code, _ := s.post(1, func(r *pushd.Request) { r.Restart = true }); code != pushd.CodeTooManyToday {
			t.Errorf("restart: %q", code)
		}
		if code, _ := s.post(1, func(r *pushd.Request) { r.Restart, r.Force = true, true }); code != "" {
			t.Errorf("restart by force: %q", code)
		}
		s.end(1, true)
		goOn := func(r *pushd.Request) { r.Continue = true }
		if code, _ := s.post(1, goOn); code != "" {
			t.Errorf("continue: %q", code)
		}
		if code, _ := s.post(2, goOn); code != pushd.CodeTooManyToday {
			t.Errorf("continue without anything to go on with: %q", code)
		}
		s.tokens.Tokens = noTokens{}
		est, err := s.Estimate(t.Context(), pushd.Request{ActID: 2, AppID: "wx1"})
		if err != nil || len(est.Problems) == 0 || est.Problems[0].Code != pushd.CodeTooManyToday || est.Problems[0].NotBefore == 0 {
			t.Errorf("dry run: %+v, %v", est.Problems, err)
		}
	})
}

// However many POSTs come at once, no more are accepted than are allowed.
func TestBrakes_AtOnce(t *testing.T) {
	for _, b := range []struct {
		gap    time.Duration
		perDay int
		want   int
	}{{time.Hour, 0, 1}, {0, 3, 3}, {time.Hour, 3, 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStreet(t, 20, b.gap, b.perDay)
			var all sync.WaitGroup
			var mu sync.Mutex
			answers := map[string]int{}
			for id := pushd.ActID(1); id <= 20; id++ {
				all.Go(func() {
					_, err := s.Post(context.WithoutCancel(t.Context()), pushd.Request{ActID: id, AppID: "wx1"})
					mu.Lock()
					defer mu.Unlock()
					var p *pushd.Problem
					if errors.As(err, &p) {
						answers[string(p.Code)]++
					} else {
						answers[fmt.Sprint(err)]++
					}
				})
			}
			all.Wait()
			if answers["<nil>"] != b.want || answers["<nil>"]+answers[string(pushd.CodeTooSoon)]+answers[string(pushd.CodeTooManyToday)] != 20 {
				t.Errorf("gap %v, %d a day: %v, want %d accepted", b.gap, b.perDay, answers, b.want)
			}
		})
	}
}

// behind is a book of which the first look finds no job of a channel, as that of a
// POST which was made at the same moment as another.
type behind struct {
	Book
	looked bool
}

func (b *behind) Active(ctx context.Context, id pushd.ActID) (pushd.Job, error) {
	if !b.looked {
		return pushd.Job{}, pushd.ErrNotFound
	}
	return b.Book.Active(ctx, id)
}

func (b *behind) Newest(ctx context.Context, id pushd.ActID, start int64) (pushd.Job, error) {
	if !b.looked {
		b.looked = true
		return pushd.Job{}, pushd.ErrNotFound
	}
	return b.Book.Newest(ctx, id, start)
}

// Of equal POSTs at once one is accepted and the others are answered with its job:
// it is no other reminder, which a brake would forbid.
func TestBrakes_EqualAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 1, time.Hour, 1)
		s.post(1)
		for _, again := range []pushd.Request{{}, {Restart: true}} {
			s.book = &behind{Book: s.ledger}
			again.ActID, again.AppID = 1, "wx1"
			if out, err := s.Post(t.Context(), again); err != nil || !out.Existing {
				t.Errorf("existing %t, %v", out.Existing, err)
			}
		}
	})
}

// In quiet hours a reminder is accepted if it may be sent after them, and one that
// waits in them goes on by force.
func TestBrakes_QuietHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 2, 0, 0) // the bubble's clock begins at 08:00 in Beijing
		s.cfg.Brakes.Quiet = &pushd.QuietHours{From: 7 * 60, To: 9 * 60}
		end := pushd.Time(time.Now().Add(time.Hour).UnixMicro())
		s.ledger.Channels[1].StartTime = time.Now().Add(20 * time.Minute).Unix() // and its deadline is half an hour later
		if code, p := s.post(1); code != pushd.CodeQuietHours || p.NotBefore != end {
			t.Errorf("before the deadline: %q, %+v", code, p)
		}
		if code, _ := s.post(2); code != "" {
			t.Errorf("with time after them: %q", code)
		}
		job, err := s.ledger.Last(t.Context(), 2)
		if err != nil || job.Forced {
			t.Fatalf("%+v, %v", job, err)
		}
		s.ledger.ByID[job.ID].State, s.ledger.ByID[job.ID].Reason, s.ledger.ByID[job.ID].ParkedUntil = pushd.Parked, pushd.InQuietHours, end
		if code, _ := s.post(2); code != "" || s.ledger.ByID[job.ID].ParkedUntil != end {
			t.Errorf("posted again: %q, parked until %d", code, s.ledger.ByID[job.ID].ParkedUntil)
		}
		if code, _ := s.post(2, force); code != "" || s.ledger.ByID[job.ID].ParkedUntil != 0 || !s.ledger.ByID[job.ID].Forced {
			t.Errorf("by force: %q, %+v", code, s.ledger.ByID[job.ID].Job)
		}
		if code, _ := s.post(1, force); code != "" {
			t.Errorf("by force before the deadline: %q", code)
		}
		for _, state := range []pushd.State{pushd.Queued, pushd.Running, pushd.Paused} { // before it has come to wait
			s.ledger.ByID[job.ID].State, s.ledger.ByID[job.ID].Reason, s.ledger.ByID[job.ID].Forced = state, "", false
			code, _ := s.post(2, force)
			if now := s.ledger.ByID[job.ID]; code != "" || !now.Forced || now.State != state {
				t.Errorf("by force while it is %s: %q, %+v", state, code, now.Job)
			}
		}
	})
}

// A brake refuses a reminder as it would refuse its POST; what else is against it is no
// brake's. Asking changes nothing.
func TestController_Braked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 6, 30*time.Minute, 0)
		off := false
		s.ledger.Channels[4].LiveNotify = &off
		s.ledger.Channels[5].StartTime = time.Now().Add(-12 * time.Hour).Unix()
		s.ledger.Channels[6].Brakes.MinGap = new(time.Duration) // its owner has none
		want := func(braked ...pushd.ActID) {
			t.Helper()
			for id := pushd.ActID(1); id <= 6; id++ {
				is, err := s.Braked(t.Context(), id)
				if err != nil || is != slices.Contains(braked, id) {
					t.Errorf("channel %d: %v, %v; braked are %v", id, is, err, braked)
				}
			}
		}
		want()
		s.post(1)
		want(1, 2, 3)
		if n := len(s.ledger.IDs()); n != 1 {
			t.Errorf("%d jobs", n)
		}
		s.end(1, true)
		time.Sleep(30 * time.Minute)
		want()
		s.cfg.Brakes.Quiet = &pushd.QuietHours{From: 7 * 60, To: 9 * 60}
		s.ledger.Channels[2].StartTime = time.Now().Add(-20 * time.Minute).Unix()
		want(2)
		if _, err := s.Braked(t.Context(), 7); !errors.Is(err, pushd.ErrNotFound) {
			t.Errorf("no such channel: %v", err)
		}
	})
}

// A job at work that sends to more recipients than a POST asks for before a person's
// yes is no answer to it.
func TestBrakes_FirstOfAJobAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, 2, 0, 0)
		first := func(n int) func(*pushd.Request) { return func(r *pushd.Request) { r.First = &n } }
		s.post(1)
		s.post(2, first(50))
		for _, c := range []struct {
			id   pushd.ActID
			n    int
			want pushd.ProblemCode
		}{{1, 50, pushd.CodeMessageDiffers}, {1, 0, ""}, {2, 50, ""}, {2, 60, ""}, {2, 0, ""}, {2, 40, pushd.CodeMessageDiffers}} {
			code, p := s.post(c.id, first(c.n))
			if code != c.want || p != nil && (p.Field != "first" || p.Job == nil) {
				t.Errorf("channel %d, first %d: %q, %+v; want %q", c.id, c.n, code, p, c.want)
			}
		}
		if code, _ := s.post(1); code != "" {
			t.Errorf("without: %q", code)
		}
	})
}
