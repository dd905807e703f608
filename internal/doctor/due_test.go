package doctor

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushd/internal/settings"
)

// The query of the example counts, on the tables of deploy/schema.sql, what cron
// should have posted five minutes ago.
func TestCheck_DueQuery(t *testing.T) {
	server, root := startPlatform(t)
	m := regexp.MustCompile(`(?m)^#PUSHD_DUE_QUERY="(.+)"$`).FindStringSubmatch(readFile(t, "deploy/pushd.env.example"))
	if m == nil {
		t.Fatal("the example has no due query")
	}
	now := time.Now().Unix()
	for id, c := range []struct {
		start   int64 // from now
		minutes int
		status  int
	}{{-60, 10, 0}, {240, 10, 0}, {-60, 10, 1}, {360, 10, 0}, {-3600, 10, 0}, {86000, 1440, 0}} {
		root(fmt.Sprintf("INSERT INTO activity (id, uin, start_time) VALUES (%d, 7, %d); INSERT INTO activity_detail (id, act_id, live_notify, live_notify_time, live_notify_status) VALUES (%d, %d, 1, %d, %d)",
			id+1, now+c.start, id+1, id+1, c.minutes, c.status))
	}
	check := func(query, want string) {
		t.Helper()
		var b bytes.Buffer
		o := Options{Settings: settings.Settings{Database: settings.Database{MySQLDSN: settings.Secret(server.DSN("p"))}, Timezone: "UTC", StatusFailed: 3, DueQuery: query}}
		o.database(t.Context(), &report{w: &b})
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	check(m[1], "ok    due query: runs; nothing")
	root("INSERT INTO user_wx_account (uin, appid) VALUES (7, 'wx7'); INSERT INTO user_wx_config (id, uin, status) VALUES (1, 7, 1)")
	check(m[1]+"; -- is it?", "warn  due query: 3 reminders have been due for more than 5 minutes")
	check("SELECT COUNT(*) FROM nowhere WHERE a = ?", "fail  due query: count overdue reminders (PUSHD_DUE_QUERY): Error 1146")
	check("SELECT 'many' FROM activity WHERE id > ?", "fail  due query:")
}

// The list of the example names, on the tables of deploy/schema.sql, what is due within
// the hour; what can't be read of it is named.
func TestCheck_DueList(t *testing.T) {
	server, root := startPlatform(t)
	m := regexp.MustCompile(`(?m)^#PUSHD_DUE_LIST="(.+)"$`).FindStringSubmatch(readFile(t, "deploy/pushd.env.example"))
	if m == nil {
		t.Fatal("the example has no list of what is due")
	}
	now := time.Now().Unix()
	root("INSERT INTO user_wx_account (uin, appid) VALUES (7, 'wx7'); INSERT INTO user_wx_config (id, uin, status) VALUES (1, 7, 1)")
	for id, c := range []struct {
		start   int64 // from now
		minutes int
		status  int
	}{{600, 5, 0}, {3600 + 500, 10, 0}, {600, 15, 0}, {600, 5, 1}, {3600 + 900, 10, 0}, {86000, 1430, 0}} {
		root(fmt.Sprintf("INSERT INTO activity (id, uin, title, start_time) VALUES (%d, 7, 'a', %d); INSERT INTO activity_detail (id, act_id, live_notify, live_notify_time, live_notify_status) VALUES (%d, %d, 1, %d, %d)",
			id+1, now+c.start, id+1, id+1, c.minutes, c.status))
	}
	check := func(query, want string) {
		t.Helper()
		var b bytes.Buffer
		o := Options{Settings: settings.Settings{Database: settings.Database{MySQLDSN: settings.Secret(server.DSN("p"))}, Timezone: "UTC", StatusFailed: 3, DueList: query}}
		o.database(t.Context(), &report{w: &b})
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	check(m[1]+"; -- is it?", "ok    due list: 3 reminders are due within the hour, the first at ")
	check(m[1], "(channel 6)")
	check("SELECT id AS act_id FROM activity WHERE id > ? AND id < ?", "fail  due list: list reminders that are due (PUSHD_DUE_LIST): the query gives no column due_at")
	check("SELECT id AS act_id, 'soon' AS due_at FROM activity WHERE start_time > ? AND start_time < ?", "due_at: is a VARCHAR of 4 bytes that is no time")
	check("SELECT title AS act_id, start_time AS due_at FROM activity WHERE start_time > ? AND start_time < ?", "act_id: is no channel")
	check("SELECT 1 FROM nowhere WHERE a = ? AND a = ?", "fail  due list: list reminders that are due (PUSHD_DUE_LIST): Error 1146")
}
