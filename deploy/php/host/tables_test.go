package host_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// ownNames is what a platform may call its tables and columns: a prefix, words of
// SQL, and nothing that deploy/schema.sql has.
var ownNames = map[string]string{
	"activity": "groups", "activity.id": "room_no", "activity.uin": "owner", "activity.title": "desc",
	"activity.start_time": "begin_at", "activity.watch_url": "link",
	"activity_detail.act_id": "room", "activity_detail.content": "text", "activity_detail.live_notify": "remind",
	"activity_detail.live_notify_time": "ahead", "activity_detail.live_notify_status": "reminded", "activity_detail.audience": "who",
	"user": "owner", "user.uin": "no", "user.edition": "rank",
	"user_wx_account.uin": "owner", "user_wx_account.appid": "wxid", "user_wx_account.app_secret": "secret",
	"user_wx_config": "order", "user_wx_config.uin": "owner", "user_wx_config.act_live_template_id": "template", "user_wx_config.status": "on",
	"host_follow": "fans",
}

// rename moves the tables of PHP into a database of their own, under the names of
// ownNames, and returns its name. Where they were, views of the usual names let pushd
// and the test go on.
func (s *site) rename() string {
	s.t.Helper()
	usual := s.strings("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND " +
		"(TABLE_NAME REGEXP '^(host_|wx_|pushd_php_)' OR TABLE_NAME IN ('activity', 'activity_detail', 'user', 'user_wx_account', 'user_wx_config'))")
	if len(usual) < 14 {
		s.t.Fatal(usual)
	}
	name, err := server.CreateDatabase(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	config := "<?php return ['tables' => ['prefix' => 'lv_'"
	for _, key := range slices.Sorted(maps.Keys(ownNames)) {
		config += fmt.Sprintf(", '%s' => '%s'", key, ownNames[key])
	}
	file := s.t.TempDir() + "/config.php"
	if err := os.WriteFile(file, []byte(config+"]];"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	for _, table := range usual {
		own := ownNames[table]
		if own == "" {
			own = "lv_" + table
		}
		columns := s.strings("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", table)
		s.exec(fmt.Sprintf("RENAME TABLE `%s` TO `%s`.`%s`", table, name, own))
		for i, column := range columns {
			if to := ownNames[table+"."+column]; to != "" {
				s.exec(fmt.Sprintf("ALTER TABLE `%s`.`%s` RENAME COLUMN `%s` TO `%s`", name, own, column, to))
				column = to + "` AS `" + column
			}
			columns[i] = "`" + column + "`"
		}
		s.exec(fmt.Sprintf("CREATE VIEW `%s` AS SELECT %s FROM `%s`.`%s`", table, strings.Join(columns, ", "), name, own))
	}
	s.php = s.php.With(phptest.Settings{
		"PUSHD_PHP_CONFIG": file, "db_dsn": fmt.Sprintf("mysql:unix_socket=%s;dbname=%s;charset=utf8mb4", server.Socket(), name),
	})
	s.host = s.serve()
	return name
}

func (s *site) strings(query string, args ...any) (all []string) {
	s.t.Helper()
	rows, err := s.DB.QueryContext(s.t.Context(), query, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// A platform says once what its tables and columns are called, and the whole host
// goes by it: every interface of owners, what viewers get, events, and what cron
// starts.
func TestTables_OfAnyName(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.channel(12, alice, "long ago", time.Now().Add(-200*24*time.Hour), 2)
	database := s.rename()
	a := s.login(alice)
	c := &chat{letterbox: s.callback(a, "wxalice")}
	at := time.Now().Unix() - 100
	c.send(event("SCAN", "oA", "live_11", at))
	c.send(event("SCAN", "oB", "live_11", at))
	c.send(event("unsubscribe", "oB", "", at+1))
	s.want(11, "oA")
	for _, i := range interfaces() {
		if got := a.call(i); got.status != i.want {
			t.Errorf("%s %s: %d %s", i.method, i.path, got.status, got.text)
		}
	}
	if got := a.api("/channels/11", map[string]any{"title": "another", "content": "text", "audience": "subscribers", "live_notify_time": 45}); got.status != 200 ||
		!strings.Contains(got.text, `"audience":"subscribers"`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if n := s.number("SELECT COUNT(*) FROM activity a JOIN activity_detail d ON d.act_id = a.id WHERE a.title = 'another' AND d.audience = 'subscribers' AND d.live_notify_time = 45"); n != 1 {
		t.Errorf("%d rows hold what was saved", n)
	}
	for _, path := range []string{"/channels?group=past&search=ago", "/watch/11", "/api/watch/11"} {
		if got := a.page(path); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	if got := a.api("/watch/11/qrcode", nil); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	s.exec("UPDATE host_subscriber SET act_id = 12, asked_at = 1 WHERE openid = 'oB'")
	for want, command := range map[string][]string{"host_subscriber: deleted 1\n": {"housekeeping.php", "tidy"}, "another": {"export.php", "11"}} {
		if run := s.php.Script(t.Context(), t, phptest.Dir()+"/host/"+command[0], command[1:]...); run.Code != 0 || !strings.Contains(run.Stdout, want) {
			t.Errorf("%v: %+v", command, run)
		}
	}
	if got := a.save("wxalice", appSecret); got.status != 303 {
		t.Errorf("the account: %d %s", got.status, got.text)
	}
	if got := s.login(dave).save("wxcarol", appSecret); got.status != 409 {
		t.Errorf("another owner's account: %d %s", got.status, got.text)
	}
	// The database names its own column; the form knows the field by the usual name.
	s.exec("ALTER TABLE " + database + ".`groups` MODIFY `desc` VARCHAR(255) CHARACTER SET gbk NOT NULL")
	if got := a.api("/channels/11", map[string]any{"title": "直播🎉"}); got.status != 422 || got.Field != "title" {
		t.Errorf("a text that the column can't hold: %d %s", got.status, got.text)
	}
}
