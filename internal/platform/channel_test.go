package platform_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/platform"
)

// beijing is the zone of PUSHD_TIMEZONE here.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// reading opens tables whose channel query takes one column from a table of
// one column v.
func (f *fixture) reading(column string) reader {
	f.t.Helper()
	columns := map[string]string{
		"act_id": "o.id", "uin": "NULL", "appid": "'wx1'", "title": "'t'", "start_time": "NULL", "watch_url": "NULL", "template_id": "NULL",
		"config_enabled": "1", "live_notify": "1", "live_notify_time": "30", "live_notify_status": "0",
	}
	columns[column] = "o.v"
	query := "SELECT "
	for name, from := range columns {
		query += from + " AS " + name + ", "
	}
	f.q.ChannelQuery, f.zone = query+"1 AS one FROM odd o WHERE o.id = ?", beijing
	return f.tables()
}

// column is one column of the platform's with a value.
type column struct{ name, kind, value string }

func (c column) String() string { return c.name + " " + c.kind + " " + c.value }

// odd makes the table with one such column.
func (f *fixture) odd(c column) {
	f.t.Helper()
	f.set(`DROP TABLE IF EXISTS odd`)
	charset := ""
	if f.DriverName() == "mysql" {
		charset = " CHARACTER SET utf8mb4"
	}
	f.set(fmt.Sprintf(`CREATE TABLE odd (id INTEGER, v %s)%s`, c.kind, charset))
	f.set(fmt.Sprintf(`INSERT INTO odd VALUES (1, %s)`, c.value))
}

// at is 2026-11-30 20:00:15 in Beijing.
const at = 1796040015

func shown[T any](p *T) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprint(*p)
}

// field shows one fact of a channel.
func field(ch pushd.Channel, name string) string {
	switch name {
	case "uin":
		return ch.UIN
	case "title":
		return ch.Title
	case "appid":
		return string(ch.AppID)
	case "start_time":
		return fmt.Sprint(ch.StartTime)
	case "config_enabled":
		return shown(ch.ConfigEnabled)
	case "live_notify":
		return shown(ch.LiveNotify)
	case "live_notify_time":
		return shown(ch.NotifyMinutes)
	case "live_notify_status":
		return shown(ch.Status)
	case "min_gap":
		return shown(ch.Brakes.MinGap)
	case "quiet_hours":
		return shown(ch.Brakes.Quiet)
	case "first":
		return shown(ch.Brakes.First)
	case "per_day":
		return shown(ch.Brakes.PerDay)
	}
	return "?"
}

// Whatever type a platform's column has, its value is read.
func TestChannel_ReadsAnyColumnType(t *testing.T) {
	f := onMariaDB(t)
	start := func(kind, value string) column { return column{"start_time", kind, value} }
	flag := func(kind, value string) column { return column{"live_notify", kind, value} }
	const is = "1796040015"
	for c, want := range map[column]string{
		start("INT", is): is, start("BIGINT UNSIGNED", is): is, start("INT UNSIGNED ZEROFILL", is): is, start("DOUBLE", is): is,
		start("DECIMAL(20,6)", is+".999999"): is, start("VARCHAR(20)", "' "+is+" '"): is, start("CHAR(20)", "'"+is+".5'"): is,
		start("BIT(40)", is): is, start("BLOB", "'"+is+"'"): is, start("JSON", "'"+is+"'"): is,
		start("DATETIME", "'2026-11-30 20:00:15'"): is, start("DATETIME(6)", "'2026-11-30 20:00:15.999999'"): is,
		start("TIMESTAMP NULL", "FROM_UNIXTIME("+is+")"): is, start("TIMESTAMP(3) NULL", "FROM_UNIXTIME("+is+".999)"): is,
		start("VARCHAR(30)", "'2026-11-30 20:00:15'"): is, start("VARCHAR(30)", "'2026-11-30T12:00:15Z'"): is,
		start("VARCHAR(30)", "'2026-11-30T20:00:15+08:00'"): is, start("VARCHAR(30)", "'2026-11-30 20:00'"): "1796040000",
		start("INT", "0"): "0", start("INT", "NULL"): "0", start("VARCHAR(9)", "''"): "0", start("DATETIME", "NULL"): "0",
		start("VARCHAR(30)", "'0000-00-00 00:00:00'"): "0",

		flag("BIT(1)", "1"): "true", flag("BIT(1)", "0"): "false", flag("BIT(8)", "2"): "true", flag("BOOL", "true"): "true",
		flag("TINYINT UNSIGNED", "255"): "true", flag("DECIMAL(5,2)", "0"): "false", flag("DECIMAL(5,2)", "1"): "true", flag("DOUBLE", "0"): "false",
		flag("ENUM('0','1')", "'0'"): "false", flag("ENUM('Y','N')", "'Y'"): "true", flag("ENUM('on','off')", "'off'"): "false",
		flag("CHAR(5)", "' 1'"): "true", flag("VARCHAR(5)", "'true'"): "true", flag("VARCHAR(5)", "'No'"): "false", flag("SET('y')", "'y'"): "true",
		flag("BIGINT UNSIGNED", "18446744073709551615"): "true", flag("INT", "NULL"): "NULL", flag("VARBINARY(4)", "'1'"): "true",
		{"config_enabled", "BIT(1)", "0"}: "false", {"config_enabled", "VARCHAR(9)", "NULL"}: "NULL",

		{"live_notify_time", "VARCHAR(9)", "' 30 '"}: "30", {"live_notify_time", "DECIMAL(5,1)", "30"}: "30", {"live_notify_time", "DOUBLE", "30"}: "30",
		{"live_notify_time", "VARCHAR(9)", "''"}: "NULL", {"live_notify_time", "SMALLINT UNSIGNED", "0"}: "0",
		{"live_notify_status", "BIT(2)", "2"}: "2", {"live_notify_status", "CHAR(4)", "'3'"}: "3", {"live_notify_status", "ENUM('0','1','2','3')", "'1'"}: "1",
		{"min_gap", "INT", "90"}: "1h30m0s", {"min_gap", "VARCHAR(9)", "'0'"}: "0s", {"min_gap", "INT", "NULL"}: "NULL",
		{"quiet_hours", "VARCHAR(20)", "' 22:30-07:30 '"}: "22:30-07:30", {"quiet_hours", "CHAR(11)", "''"}: "NULL", {"quiet_hours", "VARCHAR(9)", "NULL"}: "NULL",
		{"first", "INT UNSIGNED", "50"}: "50", {"first", "INT", "NULL"}: "NULL", {"per_day", "DECIMAL(5,1)", "3"}: "3", {"per_day", "TINYINT", "0"}: "0", {"per_day", "VARCHAR(9)", "''"}: "NULL",
		{"live_notify_status", "BOOL", "NULL"}: "NULL", {"live_notify_status", "INT", "-1"}: "-1",

		{"uin", "VARCHAR(40)", "'6f9619ff-8b86'"}: "6f9619ff-8b86", {"uin", "BIGINT UNSIGNED", "18446744073709551615"}: "18446744073709551615",
		{"uin", "BINARY(2)", "x'ff80'"}: "", {"uin", "INT", "NULL"}: "", {"uin", "DATETIME", "NOW()"}: time.Now().UTC().Format("2006"),
		{"appid", "BINARY(18)", "'wx0000000000000001'"}: "wx0000000000000001", {"appid", "CHAR(20)", "' wx1 '"}: "wx1",
		{"title", "TEXT", "'课🙂'"}: "课🙂", {"title", "VARCHAR(9) CHARACTER SET gbk", "'课'"}: "课", {"title", "BLOB", "'课'"}: "课",
		{"title", "INT", "2026"}: "2026", {"title", "DOUBLE", "1000000"}: "1000000", {"title", "MEDIUMTEXT", "REPEAT('课', 90000)"}: strings.Repeat("课", 2000),
		{"title", "DATETIME", "'2026-11-30 20:00:15'"}: "2026-11-30 20:00:15",
	} {
		if c.kind == "JSON" && server.MySQL() { // MySQL has the type since 5.7
			continue
		}
		f.odd(c)
		ch, err := f.reading(c.name).Channel(f.ctx, 1)
		got := field(ch, c.name)
		if c.kind == "DATETIME" && c.name == "uin" && len(got) > 4 {
			got = got[:4]
		}
		if err != nil || got != want || ch.AppID == "" || ch.Title == "" {
			t.Errorf("%s: read %.40q, want %.40q; %v", c, got, want, err)
		}
	}
}

// What can't be read is refused with the column and what to write; the rest of
// the row is read all the same, and what is there is not shown.
func TestChannel_RefusesByName(t *testing.T) {
	f := onMariaDB(t)
	start := func(kind, value string) column { return column{"start_time", kind, value} }
	for c, want := range map[column]string{
		start("BIGINT", "1796040015000"): "is it milliseconds?", start("VARCHAR(20)", "'1796040015000'"): "is it milliseconds?",
		start("BIGINT", "1796040015000000"): "is it microseconds?", start("BIGINT UNSIGNED", "1796040015000000000"): "is it nanoseconds?",
		start("BIGINT", "20787"): "is it days?", start("BIGINT", "29934000"): "is it minutes?", start("BIGINT", "498900"): "is it hours?",
		start("BIGINT", "-1"): "no time of a stream", start("BIGINT", "1"): "no time of a stream", start("DOUBLE", "0.5"): "no time of a stream",
		start("BIGINT UNSIGNED", "18446744073709551615"): "no time of a stream", start("BIGINT", "20261130"): "no time of a stream",
		start("BIGINT", "2026113020"): "no time of a stream", start("BIGINT", "20261130200015"): "no time of a stream",
		start("BIGINT", "31536000"): "no time of a stream", start("DATETIME", "'1971-01-01 00:00:00'"): "no time of a stream",
		start("DATETIME", "'9999-12-31 23:59:59'"): "no time of a stream", start("DOUBLE", "1e300"): "no time of a stream",
		start("FLOAT", "1796040015"): "FLOAT", start("DATE", "'2026-11-30'"): "without the time of day", start("VARCHAR(20)", "'2026-11-30'"): "without the time of day",
		start("TIME", "'20:00:00'"): "no time", start("YEAR", "2026"): "no time of a stream", start("VARCHAR(20)", "'secret'"): "is no time", start("VARCHAR(20)", "'inf'"): "is no time",
		start("VARCHAR(20)", "'0x6b0d3c0f'"): "is no time", start("BLOB", "x'ff'"): "is no time",

		{"live_notify", "VARCHAR(9)", "'secret'"}: "neither yes nor no", {"live_notify", "VARCHAR(9)", "''"}: "neither yes nor no",
		{"config_enabled", "DATETIME", "NOW()"}:      "neither yes nor no",
		{"live_notify_time", "VARCHAR(9)", "'30分钟'"}: "no whole number", {"live_notify_time", "DECIMAL(5,2)", "7.5"}: "no whole number",
		{"live_notify_time", "INT", "-5"}: "allowed are 0 to", {"live_notify_time", "TIME", "'00:30:00'"}: "no whole number", {"live_notify_time", "BIGINT", "1796040015"}: "allowed are 0 to",
		{"min_gap", "INT", "-1"}: "allowed are 0 to", {"min_gap", "VARCHAR(9)", "'2h'"}: "no whole number", {"min_gap", "BIGINT", "99999999"}: "allowed are 0 to",
		{"quiet_hours", "VARCHAR(20)", "'at night'"}: "write HH:MM-HH:MM", {"quiet_hours", "TIME", "'22:30:00'"}: "write HH:MM-HH:MM",
		{"first", "INT", "-1"}: "allowed are 0 to", {"first", "VARCHAR(9)", "'some'"}: "no whole number", {"per_day", "INT", "1001"}: "allowed are 0 to 1000", {"per_day", "DECIMAL(5,2)", "1.5"}: "no whole number",
		{"live_notify_status", "VARCHAR(9)", "'done'"}: "no whole number", {"live_notify_status", "BIGINT", "99999999999"}: "allowed are",
		{"title", "BINARY(3)", "x'bfceff'"}: "not UTF-8", {"appid", "VARBINARY(3)", "x'ff'"}: "not UTF-8", {"template_id", "BLOB", "x'ff'"}: "not UTF-8", {"watch_url", "BLOB", "x'ff'"}: "not UTF-8",
	} {
		f.odd(c)
		ch, err := f.reading(c.name).Channel(f.ctx, 1)
		bad, ok := errors.AsType[*pushd.ChannelError](err)
		if !ok || bad.Column != c.name || !strings.Contains(bad.Text, want) || strings.Contains(bad.Text, "secret") {
			t.Errorf("%s: %v", c, err)
		}
		if ch.ActID != 1 || ch.StartTime != 0 || c.name != "live_notify_status" && shown(ch.Status) != "0" {
			t.Errorf("%s: %+v", c, ch)
		}
	}
}

// A query that gives several rows is as good as one with one, if all say the
// same; else none of them can be trusted.
func TestChannel_SeveralRows(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.odd(column{"title", "VARCHAR(9)", "'a'"})
		f.set(`INSERT INTO odd VALUES (1, 'a'), (2, 'a'), (2, 'b')`)
		s := f.reading("title")
		if ch, err := s.Channel(f.ctx, 1); err != nil || ch.Title != "a" {
			t.Errorf("%+v %v", ch, err)
		}
		_, err := s.Channel(f.ctx, 2)
		if bad, ok := errors.AsType[*pushd.ChannelError](err); !ok || bad.Column != "title" || !strings.Contains(bad.Text, "one row") {
			t.Error(err)
		}
		_, err = s.Channel(f.ctx, 3)
		f.want(err, pushd.ErrNotFound)
	})
}

// A column that the query does not give is named, also where there is no row.
func TestChannel_NamesAColumnThatIsNotThere(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.q.ChannelQuery = strings.ReplaceAll(platform.DefaultChannelQuery, " AS watch_url", " AS watchUrl")
		s := f.tables()
		for _, id := range []pushd.ActID{actID, 999} {
			_, err := s.Channel(f.ctx, id)
			if bad, ok := errors.AsType[*pushd.ChannelError](err); !ok || bad.Column != "watch_url" {
				t.Errorf("channel %d: %v", id, err)
			}
		}
	})
}

// The expressions that docs/operations.md and deploy/pushd.env.example give for
// dates and times give the moment that is meant, whatever zone the server is in.
func TestChannel_DocumentedTimes(t *testing.T) {
	f := onMariaDB(t)
	f.set(`CREATE TABLE room (id INT, begin_at DATETIME, begin_utc DATETIME, begin_ts TIMESTAMP NULL, begin_ms BIGINT)`)
	f.set(`INSERT INTO room VALUES (1, '2026-11-30 20:00:15', '2026-11-30 12:00:15', FROM_UNIXTIME(1796040015), 1796040015123)`)
	texts := []string{}
	for _, file := range []string{"../../docs/operations.md", "../../deploy/pushd.env.example"} {
		text, err := os.ReadFile(file)
		f.ok(err)
		texts = append(texts, string(text))
	}
	f.zone = beijing
	for expr, column := range map[string]string{
		"UNIX_TIMESTAMP(CONVERT_TZ(begin_at,'+00:00',@@session.time_zone))": "begin_utc", "begin_ms DIV 1000": "begin_ms",
		"begin_at": "begin_at", "begin_ts": "begin_ts", "UNIX_TIMESTAMP(begin_at)": "begin_at",
	} {
		if strings.Contains(expr, "(C") || strings.Contains(expr, "DIV") {
			for _, text := range texts {
				if !strings.Contains(text, expr+" AS start_time") {
					t.Errorf("%s is not documented", expr)
				}
			}
		}
		if column == "begin_utc" {
			expr = strings.Replace(expr, "begin_at", column, 1)
		}
		f.q.ChannelQuery = roomQuery(expr)
		ch, err := f.tables().Channel(f.ctx, 1)
		if err != nil || ch.StartTime != at {
			t.Errorf("%s: %d %v", expr, ch.StartTime, err)
		}
	}
	// Where the zone has summer time, the session is in UTC.
	f.zone = berlin(t)
	for expr, want := range map[string]int64{"begin_ts": at, "begin_at": at + 7*3600, "'2026-07-01 20:00:00'": 1782928800} {
		f.q.ChannelQuery = roomQuery(expr)
		if ch, err := f.tables().Channel(f.ctx, 1); err != nil || ch.StartTime != want {
			t.Errorf("Berlin: %s: %d %v, want %d", expr, ch.StartTime, err, want)
		}
	}
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// roomQuery reads a channel with this start.
func roomQuery(start string) string {
	return "SELECT id AS act_id, NULL AS uin, 'wx1' AS appid, NULL AS title, " + start + ` AS start_time, NULL AS watch_url,
NULL AS template_id, NULL AS config_enabled, NULL AS live_notify, NULL AS live_notify_time, NULL AS live_notify_status FROM room WHERE id = ?`
}
