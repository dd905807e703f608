package doctor

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"pushd"
	"pushd/internal/mysqlconn"
	"pushd/internal/settings"
)

type oneChannel struct {
	ch  pushd.Channel
	err error
}

func (o oneChannel) Channel(context.Context, pushd.ActID) (pushd.Channel, error) {
	return o.ch, o.err
}

// The check shows what pushd reads of a channel, so that a person can hold it
// against the channel's page, and names the column that it can't use.
func TestCheck_Channel(t *testing.T) {
	on, off, minutes, status := true, false, int64(30), 0
	full := pushd.Channel{ActID: 42, UIN: "6f96-a", AppID: "wx1", Title: "春季公开课", TemplateID: "tpl", WatchURL: "https://a.example/42",
		LiveNotify: &on, ConfigEnabled: &off, NotifyMinutes: &minutes, Status: &status}
	beijing, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	starts := func(d time.Duration) oneChannel {
		ch := full
		ch.StartTime = time.Now().Add(d).Unix()
		return oneChannel{ch: ch}
	}
	bad := &pushd.ChannelError{Column: "start_time", Text: "is 1796040015000 (is it milliseconds?)"}
	badTitle := starts(time.Hour)
	badTitle.err = &pushd.ChannelError{Column: "title", Text: "is odd"}
	for name, c := range map[string]struct {
		from  oneChannel
		appID string
		wants []string
	}{
		"soon": {starts(20*time.Minute + 10*time.Second), "wx1", []string{"ok    channel query: finds channel 42", `title "春季公开课"`, "owner 6f96-a", "account wx1", "template tpl", "https://a.example/42",
			"live_notify on, 30 minutes", "config_enabled off", "live_notify_status 0 (not notified)", "+08:00 in PUSHD_TIMEZONE Asia/Shanghai: starts in 20 min"}},
		"later":           {starts(76*time.Hour + time.Minute), "", []string{"ok    channel 42: start ", "starts in 3 days 4 h"}},
		"another zone":    {starts(-8 * time.Hour), "", []string{"warn  channel 42: start ", "started 8 h 0 min ago; if it is still to come, the column is in another time zone"}},
		"long ago":        {starts(-300 * time.Hour), "", []string{"warn  channel 42: start ", "started 12 days 12 h ago; pushd no longer reminds"}},
		"no start":        {oneChannel{ch: full}, "", []string{"warn  channel 42: start not known"}},
		"bad start":       {oneChannel{full, bad}, "", []string{"fail  channel query: start_time is 1796040015000", `title "春季公开课"`}},
		"bad title":       {badTitle, "", []string{"fail  channel query: title is odd", "starts in 1 h 0 min"}},
		"nothing known":   {oneChannel{ch: pushd.Channel{ActID: 42}}, "", []string{"title not known, owner not known, account not known", "live_notify not known"}},
		"another account": {starts(time.Hour), "wx2", []string{"warn  channel 42: belongs to account wx1, not to --appid=wx2"}},
		"none":            {oneChannel{err: pushd.ErrNotFound}, "", []string{"fail  channel query: finds no channel 42"}},
		"no right":        {oneChannel{err: fmt.Errorf("read: %w", &mysql.MySQLError{Number: 1142, Message: "denied"})}, "", []string{"fail  channel query: Error 1142", "grant SELECT"}},
		"broken":          {oneChannel{err: errors.New("broken pipe")}, "", []string{"fail  channel query: broken pipe"}},
	} {
		var b bytes.Buffer
		o := Options{ActID: 42, AppID: c.appID, Settings: settings.Settings{StatusFailed: 3}}
		o.checkChannel(t.Context(), &report{w: &b}, c.from, beijing)
		for _, want := range c.wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, b.String())
			}
		}
		if strings.Contains(b.String(), "starts in") && strings.Contains(b.String(), "start_time is") {
			t.Errorf("%s: shows a start that can't be read\n%s", name, b.String())
		}
	}
}

// The whole check on a platform with tables of its own: what is wrong with one
// row shows, under the settings of a server that is set up strangely.
func TestCheck_StrangeServerAndRow(t *testing.T) {
	server := startMariaDB(t)
	for _, text := range []string{"CREATE DATABASE p", "USE p; " + readFile(t, "deploy/schema.sql"),
		`USE p; CREATE TABLE room (id INT PRIMARY KEY, name VARCHAR(99) CHARACTER SET utf8mb4, begin_at VARCHAR(40), notified INT) ENGINE=InnoDB;
INSERT INTO room VALUES (1, '课', '2030-01-01 20:00:00', 0), (2, '课', '1893499200000', 0), (3, '课', 'soon', 0)`,
		"SET GLOBAL autocommit = 0, GLOBAL completion_type = 'CHAIN', GLOBAL sql_select_limit = 1, GLOBAL innodb_flush_log_at_trx_commit = 2, GLOBAL time_zone = '+05:45'"} {
		text, db := text, ""
		if rest, ok := strings.CutPrefix(text, "USE p; "); ok {
			text, db = rest, "p"
		}
		if err := server.Exec(t.Context(), db, text); err != nil {
			t.Fatal(err)
		}
	}
	migrate(t, server.DSN("p"))
	check := func(actID int64, dsn string, wants ...string) {
		t.Helper()
		var b bytes.Buffer
		o := Options{ActID: actID, Settings: settings.Settings{Database: settings.Database{MySQLDSN: settings.Secret(dsn)}, StatusFailed: 3, Timezone: "Asia/Shanghai",
			ChannelQuery: `SELECT id AS act_id, NULL AS uin, NULL AS appid, name AS title, begin_at AS start_time, NULL AS watch_url, NULL AS template_id,
NULL AS config_enabled, 1 AS live_notify, 30 AS live_notify_time, notified AS live_notify_status FROM room WHERE id = ?; -- which?`,
			StatusUpdate: "UPDATE room SET notified = ? WHERE id = ?"}}
		o.database(t.Context(), &report{w: &b})
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in\n%s", want, b.String())
			}
		}
	}
	dsn := server.DSN("p")
	check(1, dsn, "ok    session: has what pushd needs; server-wide it is otherwise, which does not matter: autocommit, sql_mode, sql_select_limit, completion_type, time_zone\n",
		"warn  database: innodb_flush_log_at_trx_commit is 2", "ok    channel 1: start 2030-01-01 20:00:00 +08:00", "ok    read back", "ok    status table: room is InnoDB")
	check(2, dsn, "fail  channel query: start_time is 1893499200000", "is it milliseconds?", `channel 2: title "课"`)
	check(3, dsn, "fail  channel query: start_time is", "unix seconds or a DATETIME")
	check(4, dsn, "fail  channel query: finds no channel 4")
}

// A session that does not have what pushd has set is named: a proxy that does
// not pass SET on.
func TestCheck_SessionThatIsNotAsAsked(t *testing.T) {
	server := startMariaDB(t)
	config, err := mysql.ParseDSN(server.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := openConnector(t, connector)
	var b bytes.Buffer
	r := &report{w: &b}
	checkSession(t.Context(), r, db, []mysqlconn.Setting{{Name: "autocommit", Value: "0"}, {Name: "sql_mode", Value: "'STRICT_TRANS_TABLES'"}, {Name: "unique_checks", Value: "1"}, {Name: "max_execution_time", Value: "1"}})
	out := b.String()
	if !r.failed || !strings.Contains(out, `fail  session: autocommit is "ON" although pushd sets it to 0`) || !strings.Contains(out, "fail  session: sql_mode is") ||
		strings.Contains(out, "unique_checks") || strings.Contains(out, "max_execution_time") || strings.Contains(out, "ok    session") {
		t.Error(out)
	}
}

func TestCheck_SameValue(t *testing.T) {
	for _, c := range []struct {
		have, want string
		same       bool
	}{
		{"ON", "1", true}, {"OFF", "0", true}, {"OFF", "1", false}, {"NO_CHAIN", "0", true}, {"CHAIN", "0", false}, {"30.000000", "30", true},
		{"NO_ENGINE_SUBSTITUTION,STRICT_TRANS_TABLES", "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'", true},
		{"STRICT_TRANS_TABLES", "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'", false}, {"+08:00", "'+08:00'", true}, {"+05:45", "'+08:00'", false},
		{"REPEATABLE-READ", "'REPEATABLE-READ'", true}, {"18446744073709551615", "18446744073709551615", true}, {"1", "18446744073709551615", false},
	} {
		if sameValue(c.have, c.want) != c.same {
			t.Errorf("%s and %s", c.have, c.want)
		}
	}
}

func openConnector(t *testing.T, c driver.Connector) *sql.DB {
	t.Helper()
	db := sql.OpenDB(c)
	t.Cleanup(func() { db.Close() })
	return db
}
