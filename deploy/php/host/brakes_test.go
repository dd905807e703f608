package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/daemon"
	"pushd/internal/platform"
)

// braked makes pushd read the brakes of owners, as docs/host.md says.
func braked(c *daemon.Config) {
	query := strings.Replace(platform.DefaultChannelQuery, "AS audience\nFROM activity a", "AS audience,\n  b.min_gap AS min_gap,\n  b.per_day AS per_day,\n  b.first AS first,\n  CONCAT(TIME_FORMAT(SEC_TO_TIME(60 * b.quiet_from), '%H:%i'), '-', TIME_FORMAT(SEC_TO_TIME(60 * b.quiet_to), '%H:%i')) AS quiet_hours\nFROM activity a", 1)
	c.Store.ChannelQuery = strings.Replace(query, "\nWHERE", "\nLEFT JOIN host_brakes b ON b.uin = a.uin\nWHERE", 1)
}

// What an owner sets is what pushd holds: the second reminder of a day waits and
// says why, and the first so many wait for the owner's yes.
func TestBrakes_Hold(t *testing.T) {
	s := newSite(t, 30, braked)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	start := time.Now().Add(20 * time.Minute)
	s.channel(11, alice, "first", start, 0)
	if got := a.api("/brakes", map[string]any{"first": "5", "per_day": "1"}); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	r := a.until(11, func(r reminded) bool { return strings.Contains(r.Text, "正在等您确认") })
	if r.Job.Sent != 5 || r.Actions[0].Do != "resume" || !strings.Contains(r.Actions[0].Name, "其余 25 人") || r.Actions[1].Do != "stop" {
		t.Errorf("after the first five: %+v", r)
	}
	if got := a.command(11, r, "resume"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	r = a.until(11, func(r reminded) bool { return r.State == "done" && r.Job.Sent == 30 })
	if got := a.command(11, r, "restart"); got.status != 409 || got.Code != "too_many_today" || !strings.Contains(got.Message, "最早 ") || !strings.Contains(got.Message, "00:00 可以发送") {
		t.Errorf("once more today: %d %s", got.status, got.text)
	}
	s.channel(12, alice, "second", start, 0)
	s.php.Cron(t.Context(), t) // pushd refuses the second one; cron will post it again
	r = a.reminder(12)
	if r.State != "late" || !strings.Contains(r.Text, "今天的提醒次数已用完") || !strings.Contains(r.Todo, "自动再试") {
		t.Errorf("the second of the day: %+v", r)
	}
	if got := a.api("/brakes", map[string]any{"per_day": ""}); got.status != 200 || s.number("SELECT COUNT(*) FROM pushd_php_attempt") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	a.until(12, func(r reminded) bool { return r.State == "done" })
}

// A reminder in the quiet hours is asked about, over midnight, too.
func TestBrakes_QuietHours(t *testing.T) {
	s := newSite(t, 1)
	a := s.login(alice)
	if got := a.api("/brakes", map[string]any{"quiet_from": "22:30", "quiet_to": "07:00"}); got.status != 200 || !strings.Contains(got.text, `"quiet_from":"22:30"`) {
		t.Fatalf("%d %s", got.status, got.text)
	}
	y, m, d := time.Now().In(shanghai).Add(48 * time.Hour).Date()
	for clock, asked := range map[string]bool{"22:29": false, "22:30": true, "00:10": true, "06:59": true, "07:00": false, "12:00": false} {
		var hour, minute int
		fmt.Sscanf(clock, "%d:%d", &hour, &minute)
		body := channelBody()
		body["title"], body["live_notify_time"], body["start_time"] = clock, 0, time.Date(y, m, d, hour, minute, 0, 0, shanghai).Unix()
		got := a.api("/channels", body)
		if (got.Code == "confirm_quiet") != asked || !asked && got.status != 201 {
			t.Errorf("%s: %d %s", clock, got.status, got.text)
		}
		body["confirmed"] = []string{"quiet"}
		if asked {
			if got := a.api("/channels", body); got.status != 201 {
				t.Errorf("%s on purpose: %d %s", clock, got.status, got.text)
			}
		}
	}
}

func TestBrakes_BadInput(t *testing.T) {
	s := newSite(t, 1)
	a := s.login(alice)
	for field, body := range map[string]map[string]any{
		"min_gap": {"min_gap": -1}, "per_day": {"per_day": "many"}, "first": {"first": 1.5}, "quiet_from": {"quiet_from": "25:00", "quiet_to": "07:00"}, "quiet_to": {"quiet_from": "22:00"}, "uin": {"uin": 2},
	} {
		if got := a.api("/brakes", body); got.status != 422 || got.Field != field {
			t.Errorf("%v: %d %s", body, got.status, got.text)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_brakes"); n != 0 {
		t.Error("half-saved")
	}
}

// After the deadline no job goes on that waits for a yes: API, console and
// the owner's page name the deadline and say what to do first.
func TestBrakes_YesTooLate(t *testing.T) {
	s := newSite(t, 30, braked)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	s.channel(11, alice, "first", time.Now().Add(20*time.Minute), 0)
	if got := a.api("/brakes", map[string]any{"first": "5"}); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	r := a.until(11, func(r reminded) bool { return strings.Contains(r.Text, "正在等您确认") })
	id := r.Actions[0].Job
	// pushd ends what is late every ten seconds: that would be one answer or the other.
	s.exec("CREATE TRIGGER stays BEFORE UPDATE ON pushd_job FOR EACH ROW IF NEW.state = 'expired' THEN SIGNAL SQLSTATE '45000'; END IF")
	past := time.Now().Add(-time.Minute).Truncate(time.Second)
	s.exec("UPDATE pushd_job SET deadline = ? WHERE id = ?", past.UnixMicro(), id)
	if got := a.command(11, r, "resume"); got.status != 409 || got.Code != "deadline_passed" ||
		!strings.Contains(got.text, past.In(shanghai).Format("（01月02日 15:04）")) || !strings.Contains(got.text, "先把有效时间改晚") {
		t.Errorf("the owner's yes: %d %s", got.status, got.text)
	}
	_, err := s.API().Command(t.Context(), id, client.Resume)
	if p, _ := errors.AsType[*client.Problem](err); p == nil || p.Code != pushd.CodeDeadlinePassed ||
		!strings.Contains(p.Detail, "the deadline was "+past.Format(time.RFC3339)+"; send a later deadline first") {
		t.Errorf("the API: %v", err)
	}
	later := time.Now().Add(time.Hour).Unix()
	if _, err := s.API().Patch(t.Context(), id, client.Patch{Deadline: later}); err != nil {
		t.Fatal(err)
	}
	if got := a.command(11, a.reminder(11), "resume"); got.status != 200 {
		t.Errorf("with a later deadline: %d %s", got.status, got.text)
	}
	a.until(11, func(r reminded) bool { return r.State == "done" && r.Job.Sent == 30 })
}
