package php_test

import (
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// A platform whose tables have other names, and a prefix, says so once: in
// config.php. Migrations, cron and the token endpoint go by it.
func TestTables_OfAnyName(t *testing.T) {
	p := emptyOn(t, server, "root")
	p.exec(t, `CREATE TABLE live_room (room_no BIGINT PRIMARY KEY, owner BIGINT, begin_at INT, KEY (begin_at));
		CREATE TABLE lv_activity_detail (act_id BIGINT PRIMARY KEY, remind TINYINT, live_notify_time INT, live_notify_status TINYINT);
		CREATE TABLE lv_user_wx_account (uin BIGINT PRIMARY KEY, wxid VARCHAR(64), secret VARCHAR(64));
		CREATE TABLE lv_user_wx_config (uin BIGINT PRIMARY KEY, status TINYINT);
		INSERT INTO live_room VALUES (1, 1, UNIX_TIMESTAMP() + 300), (2, 1, UNIX_TIMESTAMP() + 3000);
		INSERT INTO lv_activity_detail VALUES (1, 1, 15, 0), (2, 1, 15, 0);
		INSERT INTO lv_user_wx_config VALUES (1, 1)`)
	p.exec(t, "INSERT INTO lv_user_wx_account VALUES (1, 'wx1', ?)", appSecret)
	m := managerOn(t, p, accepted)
	config := t.TempDir() + "/config.php"
	write(t, config, `<?php return ['tables' => ['prefix' => 'lv_', 'activity' => 'live_room', 'activity.id' => 'room_no',
		'activity.uin' => 'owner', 'activity.start_time' => 'begin_at', 'activity_detail.live_notify' => 'remind',
		'user_wx_account.appid' => 'wxid', 'user_wx_account.app_secret' => 'secret', 'wx_access_token' => 'tokens']];`)
	m.host = m.host.With(phptest.Settings{"PUSHD_PHP_CONFIG": config, "token_key": tokenKey})
	if run := m.run(t, 2); !strings.Contains(run.Stderr, "run php migrate.php") {
		t.Errorf("before the migrations: %s", run.Stderr)
	}
	migrated(t, m.host, withHost)
	m.run(t, 0)
	m.want(t, 1)
	if a := askAt(t, m.host.Serve(t), "appid=wx1"); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Msg)
	}
	if n := p.number(t, "SELECT COUNT(*) FROM tokens WHERE appid = 'wx1' AND access_token <> ''"); n != 1 {
		t.Errorf("%d tokens are kept", n)
	}
	m.pushd.set(func(posted) reply { return problem(409, "job_ended") })
	m.run(t, 0)
	m.want(t, 1)
	m.run(t, 0)
	m.want(t)
	if n := p.number(t, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT REGEXP '^lv_|^live_room$|^tokens$'"); n != 0 {
		t.Errorf("%d tables have no prefix", n)
	}
	if said := migrated(t, m.host, withHost); said != "the tables are up to date\n" {
		t.Errorf("it said %q", said)
	}
}

// A name that is mistyped, or that is none, stops the start.
func TestTables_Wrong(t *testing.T) {
	for text, want := range map[string]string{
		`['activty' => 'x']`:          "tables: unknown name 'activty'",
		`['activity.start' => 'x']`:   "tables: unknown name 'activity.start'",
		`['activity' => 'x; DROP']`:   "tables: 'activity' is no name",
		`['prefix' => 'a.b']`:         "tables: 'prefix' is no name",
		`['activity' => ['x']]`:       "tables: 'activity' is no name",
		`['user.edition' => 'a.b.c']`: "tables: 'user.edition' is no name",
		`'activity'`:                  "tables: want an array",
	} {
		config := t.TempDir() + "/config.php"
		write(t, config, "<?php return ['tables' => "+text+"];")
		run := phptest.New(t, phptest.Settings{"PUSHD_PHP_CONFIG": config}).Cron(t.Context(), t)
		if run.Code != 2 || !strings.Contains(run.Stderr, want) {
			t.Errorf("%s: %d %s", text, run.Code, run.Stderr)
		}
	}
}
