package host_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/daemon"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// The host also runs on SQLite, as the demo does.
func TestSQLite(t *testing.T) {
	sim := wechatsim.New(wechatsim.Options{Seed: 5})
	t.Cleanup(sim.Close)
	acct := sim.Account("wxalice", wechatsim.AccountOptions{Secret: appSecret, Followers: 20})
	listener, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t}
	s.Rig, err = rig.New(t.Context(), rig.Options{Sim: sim, Listener: listener, Change: func(c *daemon.Config) {
		db, err := sql.Open("sqlite", c.Store.DSN)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, file := range []string{"../schema.sql", "schema.sql"} {
			if _, err := db.ExecContext(t.Context(), read(t, file)); err != nil {
				t.Fatal(file, err)
			}
		}
		s.php = phptest.New(t, phptest.Settings{
			"db_dsn": "sqlite:" + c.Store.DSN, "wechat_url": listener.URL, "qr_url": listener.URL, "token_key": rig.TokenKey,
			"host_secret": hostSecret, "host_password": password, "base_url": public,
		})
		c.Tokens.URL = s.php.Serve(t) + "/token.php"
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Rig.Close(); err != nil {
			t.Error(err)
		}
	})
	s.exec("INSERT INTO user (uin, edition) VALUES (1, 3)")
	s.exec("INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (1, 'wxalice', ?)", appSecret)
	s.php = s.php.With(phptest.Settings{"url": s.Rig.URL, "api_key": rig.APIKey})
	s.host = s.serve()
	a := s.login(alice)
	s.exec("INSERT INTO user (uin, edition) VALUES (2, 3)")
	b := s.login(bob)
	for _, appid := range []string{"wxalice", "WXALICE "} {
		if got := b.save(appid, appSecret); got.status != 409 {
			t.Errorf("Bob saves %q: %d %s", appid, got.status, got.text)
		}
	}
	if got := a.save(" wxalice", appSecret); got.status != 303 {
		t.Errorf("Alice saves hers: %d %s", got.status, got.text)
	}
	if got := a.api("/channels", channelBody()); got.status != 201 {
		t.Fatal(got.text)
	}
	template := wechatsim.TemplateID("wxalice", 1)
	for path, body := range map[string]map[string]any{
		"/templates/" + template: {"fields": map[string]any{"thing1": "{{title}}", "time2": "{{startTime}}"}},
		"/settings":              {"templateId": template, "enabled": true},
		"/channels/1":            {"start_time": time.Now().Add(3 * time.Hour).Unix(), "live_notify_time": 300, "confirmed": []string{"now"}},
	} {
		if got := a.api(path, body); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	var code struct{ After int64 }
	s.browser().api("/watch/1/qrcode", nil).into(t, &code)
	l := s.callback(a, "wxalice")
	now := time.Now()
	for range 2 {
		if got := l.send(l.signed(now, "n1"), event("SCAN", acct.OpenID(0), "live_1", now.Unix())); got.status != 200 {
			t.Errorf("callback: %d %s", got.status, got.text)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_follow"); n != 1 {
		t.Errorf("%d follows", n)
	}
	if n := s.number("SELECT COUNT(*) FROM host_subscriber WHERE act_id = 1 AND left_at = 0 AND promised = 1 AND noted_us > ?", 1000000*(now.Unix()-60)); n != 1 {
		t.Errorf("%d subscribers", n)
	}
	l.send(l.signed(now, "n2"), receipt(acct.OpenID(0), 1, "success"))
	l.send(l.signed(now, "n3"), event("unsubscribe", acct.OpenID(0), "", now.Unix()+1))
	s.exec("UPDATE host_subscriber SET left_at = 1")
	for _, args := range [][]string{{"receipts", "once"}, {"tidy"}} {
		run := s.php.Script(t.Context(), t, phptest.Dir()+"/host/housekeeping.php", args...)
		if run.Code != 0 || !strings.Contains(run.Stdout, "handed on 1") && !strings.Contains(run.Stdout, "host_subscriber: deleted 1") {
			t.Errorf("%v: %+v", args, run)
		}
	}
	if run := s.php.Cron(t.Context(), t); run.Code != 0 || run.Stdout == "" {
		t.Errorf("%+v", run)
	}
	if err := acct.WaitSends(t.Context(), 20); err != nil {
		t.Error(err)
	}
}
