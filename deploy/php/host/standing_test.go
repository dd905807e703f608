package host_test

import (
	"strings"
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// What an owner reads agrees with what pushd knows, and says what to do.
func TestStanding_Words(t *testing.T) {
	midnight := func(now time.Time) time.Time {
		y, m, d := now.In(shanghai).Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, shanghai)
	}
	for name, c := range map[string]struct {
		before func(*site, *wechatsim.Account)
		state  string
		says   func() string // in the text
		todo   string
	}{
		"quota": {
			before: func(_ *site, acct *wechatsim.Account) {
				acct.Tune(func(b *wechatsim.Behaviour) { b.SendsPerDay = 20 })
			},
			state: "parked", todo: "清零额度",
			says: func() string {
				if time.Now().Add(30 * time.Minute).Before(midnight(time.Now())) { // start and grace are 25 + 30 minutes away
					return "剩下的 30 人将收不到"
				}
				return "0 点后自动继续"
			},
		},
		"template deleted": {
			before: func(_ *site, acct *wechatsim.Account) {
				acct.SetTemplateCode(wechatsim.TemplateID("wxalice", 1), 40037)
			},
			todo: "模板可能已被删除", says: func() string { return "" },
		},
		"punished": {
			before: func(s *site, _ *wechatsim.Account) {
				s.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, Action: wechatsim.ActCode, Code: 48004})
			},
			state: "failed", todo: "通知中心", says: func() string { return "微信拒绝了这条消息" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 50)
			acct := s.Sim.Find("wxalice")
			s.channel(11, alice, "evening", time.Now().Add(25*time.Minute), 0)
			s.enable(alice, "wxalice")
			c.before(s, acct)
			a := s.login(alice)
			if run := s.php.Cron(t.Context(), t); run.Code != 0 {
				t.Fatalf("%+v", run)
			}
			r := a.until(11, func(r reminded) bool { return r.Todo != "" })
			if c.state != "" && r.State != c.state || !strings.Contains(r.Text, c.says()) || !strings.Contains(r.Todo, c.todo) {
				t.Errorf("%+v, want %s, %s, %s", r, c.state, c.says(), c.todo)
			}
		})
	}
}

// A held account is said to be held, by whom, and what to do.
func TestStanding_Held(t *testing.T) {
	s := newSite(t, 50)
	s.channel(11, alice, "evening", time.Now().Add(25*time.Minute), 0)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	if _, err := s.API().SetHold(t.Context(), "wxalice", "a test"); err != nil {
		t.Fatal(err)
	}
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	r := a.until(11, func(r reminded) bool { return r.State == "held" })
	if !strings.Contains(r.Text, "管理员已暂停") || !strings.Contains(r.Todo, "联系平台管理员") || len(r.Actions) != 1 || r.Actions[0].Do != "stop" {
		t.Errorf("%+v", r)
	}
}

// A reminder that is due and does not leave is late: after three minutes it says
// so, or why pushd would not take it. A save gives it a new chance.
func TestStanding_Late(t *testing.T) {
	s := newSite(t, 1)
	start := time.Now().Add(20 * time.Minute)
	s.channel(11, alice, "evening", start, 0)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	if r := a.reminder(11); r.State != "late" || !strings.Contains(r.Text, "应在 "+start.Add(-30*time.Minute).In(shanghai).Format("15:04")+" 发送，尚未开始") || !strings.Contains(r.Todo, "联系平台管理员") {
		t.Errorf("cron has not run for ten minutes: %+v", r)
	}
	if got := a.api("/channels/11", map[string]any{"title": "new"}); got.status != 200 {
		t.Fatal(got.text)
	}
	if r := a.reminder(11); r.State != "due" {
		t.Errorf("just saved: %+v", r)
	}
	s.exec("INSERT INTO pushd_php_attempt (act_id, start_time, next_try, tries, answer) VALUES (11, ?, ?, 3, 'template_fields_unknown')", start.Unix(), time.Now().Add(8*time.Minute).Unix())
	if r := a.reminder(11); r.State != "late" || !strings.Contains(r.Text, "不知道模板有哪些字段") {
		t.Errorf("refused: %+v", r)
	}
	if got := a.api("/settings", map[string]any{"templateId": wechatsim.TemplateID("wxalice", 1)}); got.status != 200 {
		t.Fatal(got.text)
	}
	if n := s.number("SELECT COUNT(*) FROM pushd_php_attempt"); n != 0 {
		t.Error("cron will not try at once after the save")
	}
}
