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
