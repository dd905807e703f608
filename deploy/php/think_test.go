package php_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// newThink is a host with the package in ThinkPHP, of which Debian has none:
// testdata/think has what the package uses of it. Tables have a prefix, as there
// they often do.
func newThink(t *testing.T, answer func(posted) reply) *manager {
	t.Helper()
	p := unmigrated(t)
	p.channel(t, 1, 1, in(5), 15)
	for _, table := range []string{"activity", "activity_detail", "user", "user_wx_account", "user_wx_config"} {
		p.exec(t, "RENAME TABLE "+table+" TO lv_"+table)
	}
	m := managerOn(t, p, answer)
	connection, err := json.Marshal(map[string]any{
		"type": "mysql", "socket": p.server.Socket(), "database": p.name, "username": p.user, "password": "", "prefix": "lv_",
	})
	if err != nil {
		t.Fatal(err)
	}
	m.host = phptest.New(t, phptest.Settings{
		"THINK_DATABASE": string(connection), "THINK_WECHAT": m.wechat.URL,
		"PHP_PUSHD_URL": m.pushd.URL, "PHP_PUSHD_API_KEY": apiKey, "PHP_PUSHD_TOKEN_KEY": tokenKey,
	})
	return m
}

// think runs "php think …" and wants an exit code.
func (m *manager) think(t *testing.T, code int, args ...string) string {
	t.Helper()
	run := m.host.Script(t.Context(), t, "testdata/think/app.php", args...)
	if run.Code != code {
		t.Errorf("think %v: %d, want %d\n%s%s", args, run.Code, code, run.Stdout, run.Stderr)
	}
	if strings.Contains(run.Stdout+run.Stderr, "marked-") {
		t.Errorf("think %v shows a secret", args)
	}
	return run.Stdout
}

func TestThink_Commands(t *testing.T) {
	m := newThink(t, accepted)
	if said := m.think(t, 2, "pushd:doctor"); !strings.Contains(said, "FAIL  tables: 5 migrations are missing") {
		t.Errorf("%s", said)
	}
	if said := m.think(t, 0, "pushd:migrate", "--print"); !strings.Contains(said, "CREATE TABLE IF NOT EXISTS lv_wx_access_token") {
		t.Errorf("%s", said)
	}
	m.think(t, 0, "pushd:migrate")
	if said := m.think(t, 0, "pushd:migrate", "--host"); !strings.Contains(said, "host/001_tables: applied") {
		t.Errorf("%s", said)
	}
	if said := m.think(t, 0, "pushd:cron"); !strings.Contains(said, "actid=1 ") {
		t.Errorf("%s", said)
	}
	m.want(t, 1)
	if said := m.think(t, 0, "pushd:doctor"); !strings.Contains(said, "ok    due_query: 1 channels are due now") {
		t.Errorf("%s", said)
	}
	m.pushd.set(func(posted) reply { return problem(422, "invalid_request") })
	m.think(t, 2, "pushd:cron")
}

// The route is WeChat's callback, as in Laravel.
func TestThink_Callback(t *testing.T) {
	m := newThink(t, accepted)
	c, set := newCallback(t, m.platform, "lv_")
	set["PHP_PUSHD_URL"], set["PHP_PUSHD_CALLBACK_SECRET"] = c.taken.URL, callbackSecret
	set["RECIPE_LISTENER"] = blockWith(t, "recipes-thinkphp.md", "implements Listener")
	m.host = m.host.With(set)
	m.think(t, 0, "pushd:migrate")
	c.url = m.host.Serve(t, "testdata/think/app.php") + "/wechat/callback"
	callbackRoute(t, c, func(args ...string) phptest.Run {
		return m.host.Script(t.Context(), t, "testdata/think/app.php", append([]string{"pushd:housekeeping"}, args...)...)
	})
	c.withoutListener(t, func(set phptest.Settings) string {
		return m.host.With(set).Serve(t, "testdata/think/app.php")
	}, phptest.Settings{"RECIPE_LISTENER": ""}, "PHP_PUSHD_CALLBACK_SECRET")
}

// The route is as strict as token.php, with the package's tokens and with the
// platform's own.
func TestThink_TokenRoute(t *testing.T) {
	m := newThink(t, accepted)
	m.think(t, 0, "pushd:migrate")
	own := blockWith(t, "recipes-thinkphp.md", "implements Source")
	for _, source := range []struct{ recipe, token string }{{"", "marked-token-wx1-0"}, {own, "marked-token-of-the-platform"}} {
		e := &endpoint{m.platform, m.wechat, m.host, ""}
		tokenRoute(t, e, func(keys string) string {
			return m.host.With(phptest.Settings{"PHP_PUSHD_TOKEN_KEY": keys, "RECIPE": source.recipe}).Serve(t, "testdata/think/app.php") + "/wechat"
		}, source.token)
	}
}
