package host_test

import (
	"os"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// A platform whose tables have a prefix says so once, and the host goes by it.
func TestTables_Prefix(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	rows, err := s.DB.QueryContext(t.Context(), `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
		AND (TABLE_NAME REGEXP '^(host_|wx_|pushd_php_)' OR TABLE_NAME IN ('activity', 'activity_detail', 'user', 'user_wx_account', 'user_wx_config'))`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil || len(tables) < 14 {
		t.Fatal(tables, err)
	}
	for _, name := range tables {
		s.exec("RENAME TABLE " + name + " TO lv_" + name)
	}
	config := t.TempDir() + "/config.php"
	if err := os.WriteFile(config, []byte("<?php return ['tables' => ['prefix' => 'lv_']];"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.php = s.php.With(phptest.Settings{"PUSHD_PHP_CONFIG": config})
	s.host = s.serve()
	a := s.login(alice)
	for _, path := range []string{"/channels", "/channels/11", "/watch/11"} {
		if got := a.page(path); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	if got := a.api("/watch/11/qrcode", nil); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := a.api("/channels", map[string]any{"title": "new", "start_time": time.Now().Add(48 * time.Hour).Format("2006-01-02T15:04"), "watch_url": "https://live.example/1", "live_notify": false}); got.status != 201 {
		t.Errorf("%d %s", got.status, got.text)
	}
}
