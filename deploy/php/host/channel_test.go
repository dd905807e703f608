package host_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// A form without seconds does not move a start that has some; a moved start
// asks for a new reminder, but not while one is being sent.
func TestChannel_Start(t *testing.T) {
	s := newSite(t, 1)
	start := time.Now().Add(2 * time.Hour).Truncate(time.Minute).Add(31 * time.Second)
	s.channel(11, alice, "seconds", start, 2)
	a := s.login(alice)
	local := func(at time.Time) string { return at.In(shanghai).Format("2006-01-02T15:04") }
	save := func(want int, body map[string]any) {
		t.Helper()
		if got := a.api("/channels/11", body); got.status != want {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	holds := func(at time.Time, status int64) {
		t.Helper()
		if got := s.number("SELECT start_time FROM activity WHERE id = 11"); got != at.Unix() {
			t.Errorf("starts at %d, want %d", got, at.Unix())
		}
		if got := s.number("SELECT live_notify_status FROM activity_detail WHERE act_id = 11"); got != status {
			t.Errorf("status %d, want %d", got, status)
		}
	}
	save(200, map[string]any{"title": "renamed", "start_time": local(start)})
	holds(start, 2)
	s.exec("UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = 11")
	later := start.Truncate(time.Minute).Add(time.Hour)
	save(409, map[string]any{"title": "half", "start_time": local(later)})
	holds(start, 1)
	if n := s.number("SELECT COUNT(*) FROM activity WHERE title = 'half'"); n != 0 {
		t.Error("half-saved")
	}
	save(200, map[string]any{"title": "again"})
	holds(start, 1)
	s.exec("UPDATE activity_detail SET live_notify_status = 2 WHERE act_id = 11")
	save(409, map[string]any{"start_time": local(later)}) // it would be sent once more
	holds(start, 2)
	save(200, map[string]any{"start_time": local(later), "confirmed": []string{"again"}})
	holds(later, 0)
}

// WeChat shows no emoji. A title of nothing else would end the reminder when it is
// due, so it is refused where a reminder is on or is switched on, and nowhere else.
func TestChannel_TitleThatNoMessageShows(t *testing.T) {
	s := newSite(t, 1)
	s.channel(11, alice, "🎉🎉", time.Now().Add(2*time.Hour), 0)
	a := s.login(alice)
	for _, c := range []struct {
		body   map[string]any
		status int
	}{
		{map[string]any{"live_notify_time": 20}, 200}, // it was so before
		{map[string]any{"title": "❤️"}, 422},
		{map[string]any{"title": "❤️", "live_notify": false}, 200},
		{map[string]any{"live_notify": true}, 422},
		{map[string]any{"live_notify": true, "title": "❤️7"}, 200},
		{map[string]any{"title": "《？》"}, 200},
	} {
		if got := a.api("/channels/11", c.body); got.status != c.status || c.status == 422 && (got.Field != "title" || !strings.Contains(got.Message, "表情")) {
			t.Errorf("%v: %d %s", c.body, got.status, got.text)
		}
	}
}

// An old channel can be edited without moving its start.
func TestChannel_Past(t *testing.T) {
	s := newSite(t, 1)
	start := time.Now().Add(-24 * time.Hour)
	s.channel(11, alice, "past", start, 2)
	a := s.login(alice)
	got := a.api("/channels/11", map[string]any{"title": "past!", "start_time": start.In(shanghai).Format("2006-01-02T15:04"), "live_notify": false, "live_notify_time": "0"})
	if got.status != 200 || s.number("SELECT live_notify + live_notify_time FROM activity_detail WHERE act_id = 11") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// The files must run on PHP 7.2.
func TestSyntaxOfPHP72(t *testing.T) {
	var files []string
	for _, dir := range []string{".", "app", "views"} {
		found, err := filepath.Glob(dir + "/*.php")
		if err != nil || len(found) == 0 {
			t.Fatal(dir, err)
		}
		files = append(files, found...)
	}
	if run := phptest.New(t, nil).Script(t.Context(), t, "../testdata/lint72.php", files...); run.Code != 0 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
}
