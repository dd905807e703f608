package host_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A form that is sent twice, or six times at once to several web servers, makes
// one channel, and every answer names it.
func TestTwice_OneForm(t *testing.T) {
	s := newSite(t, 1)
	a := s.login(alice)
	hosts := []string{s.host, s.serve(), s.serve()}
	for round := range 3 {
		body := channelBody()
		body["title"] = fmt.Sprint("evening ", round)
		body["form_key"] = strings.Repeat(fmt.Sprint(round), 32)
		answers := make([]reply, 6)
		var clicks sync.WaitGroup
		for i := range answers {
			there := *s
			there.host = hosts[i%len(hosts)]
			b := &browser{site: &there, client: a.client, csrf: a.csrf}
			clicks.Go(func() { answers[i] = b.api("/channels", body) })
		}
		clicks.Wait()
		pages := map[string]bool{}
		for _, got := range answers {
			var made struct{ Page string }
			got.into(t, &made)
			if pages[made.Page] = true; got.status != 201 {
				t.Errorf("%d %s", got.status, got.text)
			}
		}
		if n := s.number("SELECT COUNT(*) FROM activity WHERE title = ?", body["title"]); n != 1 || len(pages) != 1 {
			t.Errorf("%d channels, answers name %v", n, pages)
		}
	}
	body := channelBody()
	body["title"], body["form_key"] = "Bob's", strings.Repeat("0", 32)
	if got := s.login(bob).api("/channels", body); got.status != 201 || strings.Contains(got.text, "evening") {
		t.Errorf("Bob's form of the same number: %d %s", got.status, got.text)
	}
}

// A second channel of one title and start is asked about.
func TestTwice_Alike(t *testing.T) {
	s := newSite(t, 1)
	a := s.login(alice)
	body := channelBody()
	for want := range 2 {
		if got := a.api("/channels", body); want == 1 && (got.status != 409 || got.Code != "confirm_alike") || want == 0 && got.status != 201 {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	body["confirmed"] = []string{"alike"}
	if got := a.api("/channels", body); got.status != 201 {
		t.Errorf("on purpose: %d %s", got.status, got.text)
	}
	delete(body, "confirmed")
	if got := s.login(bob).api("/channels", body); got.status != 201 {
		t.Errorf("Bob's of the same title: %d %s", got.status, got.text)
	}
}

// What goes out as soon as it is saved is asked about before, if it goes out.
func TestTwice_AtOnce(t *testing.T) {
	s := newSite(t, 1)
	a := s.login(alice)
	body := channelBody()
	body["start_time"] = time.Now().Add(10 * time.Minute).Unix()
	if got := a.api("/channels", body); got.status != 201 {
		t.Errorf("while nothing is enabled: %d %s", got.status, got.text)
	}
	s.enable(alice, "wxalice")
	body["title"] = "at once"
	if got := a.api("/channels", body); got.status != 409 || got.Code != "confirm_now" {
		t.Errorf("%d %s", got.status, got.text)
	}
	body["confirmed"] = []string{"now"}
	if got := a.api("/channels", body); got.status != 201 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if got := a.api("/channels/2", map[string]any{"title": "still due"}); got.status != 200 {
		t.Errorf("it was due already: %d %s", got.status, got.text)
	}
}

// Owners who save for the first time at the same moment do not stand in each
// other's way.
func TestTwice_FirstSaves(t *testing.T) {
	s := newSite(t, 1)
	hosts := []string{s.serve(), s.serve(), s.serve(), s.serve()}
	var all sync.WaitGroup
	for i := range 24 {
		uin := 100 + i
		s.exec("INSERT INTO user (uin, edition) VALUES (?, 3)", uin)
		s.exec("INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (?, ?, ?)", uin, fmt.Sprint("wxfirst", uin), appSecret)
		there := *s
		there.host = hosts[i%len(hosts)]
		b := there.login(uin)
		all.Go(func() {
			if got := b.api("/settings", map[string]any{"templateId": "abc"}); got.status != 200 {
				t.Errorf("%d: %d %s", uin, got.status, got.text)
			}
		})
	}
	all.Wait()
	if n := s.number("SELECT COUNT(*) FROM user_wx_config WHERE status = 0"); n != 24 {
		t.Errorf("%d rows", n)
	}
}

// Ids of 19 digits are ids; more is no page, and never another one.
func TestLongIDs(t *testing.T) {
	s := newSite(t, 1)
	const id = 1795650000123456789
	s.exec("INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, 'snowflake', ?, 'https://x.example')", int64(id), alice, time.Now().Add(time.Hour).Unix())
	s.exec("INSERT INTO activity_detail (act_id, live_notify) VALUES (?, 0)", int64(id))
	s.exec("INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (9223372036854775807, ?, 'the last', ?, '')", alice, time.Now().Add(time.Hour).Unix())
	a := s.login(alice)
	for path, want := range map[string]int{
		"/watch/9223372036854775807": 200, "/watch/9223372036854775808": 404, "/channels/9223372036854775808": 404,
		"/channels/1795650000123456789": 200, "/watch/1795650000123456789": 200,
		"/channels/9999999999999999999": 404, "/channels/0": 404, "/channels/017": 404,
	} {
		if got := a.page(path); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	if got := a.api("/channels/1795650000123456789", map[string]any{"title": "renamed"}); got.status != 200 || !strings.Contains(got.text, `"page":"/channels/1795650000123456789"`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := a.api("/templates/abc/preview", map[string]any{"actid": "1795650000123456789"}); got.Field == "actid" {
		t.Errorf("preview: %s", got.text)
	}
}

// A table that can't store an emoji is the text's matter, not the database's.
func TestTextThatTheTableCannotStore(t *testing.T) {
	s := newSite(t, 1)
	s.exec("ALTER TABLE activity CONVERT TO CHARACTER SET utf8mb3")
	body := channelBody()
	body["title"] = "直播🎉今晚"
	if got := s.login(alice).api("/channels", body); got.status != 422 || got.Field != "title" || !strings.Contains(got.Message, "表情") {
		t.Errorf("%d %s", got.status, got.text)
	}
}
