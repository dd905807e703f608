package host_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"
	"unicode/utf8"

	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
)

// An owner's text stays text on a server that reads every session in GBK, where
// the backslash before a quote can be the second half of a character: it shows
// no other owner's secret and changes no other owner's channel.
func TestOwnersTextOnAServerThatReadsGBK(t *testing.T) {
	for name, args := range map[string][]string{
		"init_connect": {"--init-connect=SET NAMES gbk"},
		"no handshake": {"--character-set-server=gbk", "--skip-character-set-client-handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			s, db := gbkSite(t, args)
			a := s.login(alice)
			for _, text := range []string{
				fmt.Sprintf("中', content=(SELECT app_secret FROM user_wx_account WHERE uin=%d) WHERE act_id=11 -- x", bob),
				"中', live_notify_status=2 WHERE act_id=12 -- x",
				"中\\", "中\" -- x",
			} {
				fields := []string{"content", "title"}
				if utf8.RuneCountInString(text) > 64 { // too long for a title
					fields = fields[:1]
				}
				for _, field := range fields {
					var got struct{ Title, Content string }
					answer := a.api("/channels/11", map[string]any{field: text})
					if answer.into(t, &got); answer.status != 200 || (field == "content" && got.Content != text) || (field == "title" && got.Title != text) {
						t.Errorf("%s %q: %d %s", field, text, answer.status, answer.text)
					}
				}
			}
			var changed int
			if err := db.QueryRowContext(t.Context(), "SELECT SUM(live_notify_status) FROM activity_detail").Scan(&changed); err != nil || changed != 0 {
				t.Errorf("a text wrote a status: %d %v", changed, err)
			}
		})
	}
}

// gbkSite is a host on a server of its own, with one channel of Alice's and one
// of Bob's. PHP's user has no SUPER: for those who have it init_connect does not
// run. There is no pushd, which channels don't need.
func gbkSite(t *testing.T, args []string) (*site, *sql.DB) {
	t.Helper()
	own, err := mariadb.Start(t.Context(), mariadb.WithGrants(), mariadb.WithArgs(args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop() })
	if err := own.Exec(t.Context(), "", "CREATE DATABASE live; CREATE USER php@localhost; GRANT ALL ON live.* TO php@localhost"); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../schema.sql", "../schema.sql", "schema.sql"} {
		if err := own.Exec(t.Context(), "live", read(t, file)); err != nil {
			t.Fatal(file, err)
		}
	}
	db, err := sql.Open("mysql", own.DSN("live")+"?multiStatements=true&charset=utf8mb4")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO user (uin, edition) VALUES (1, 3), (2, 3);
INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (1, 'wxalice', '%[1]s'), (2, 'wxbob', '%[1]s');
INSERT INTO activity (id, uin, start_time, watch_url) VALUES (11, 1, %[2]d, 'https://a.example'), (12, 2, %[2]d, 'https://b.example');
INSERT INTO activity_detail (act_id, live_notify) VALUES (11, 1), (12, 1)`, appSecret, time.Now().Add(time.Hour).Unix())); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, php: phptest.New(t, phptest.Settings{
		"db_dsn":  fmt.Sprintf("mysql:unix_socket=%s;dbname=live;charset=utf8mb4", own.Socket()),
		"db_user": "php", "host_secret": hostSecret, "host_password": password, "base_url": public,
	})}
	s.host = s.serve()
	return s, db
}
