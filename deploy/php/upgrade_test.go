package php_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// The SQL of docs/host.md finds the twins in tables of before, and it and
// migrate.php make those tables what new ones are.
func TestUpgrade_OfTheDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/host.md")
	if err != nil {
		t.Fatal(err)
	}
	// Not the rights: TestSchema_GrantsAreGiven holds those to the tables.
	blocks := regexp.MustCompile("(?s)```sql\n((?:SELECT|ALTER).*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/host.md has %d texts of SQL", len(blocks))
	}
	p := newPlatform(t)
	host, err := os.ReadFile("host/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	p.exec(t, string(host))
	p.old(t)
	p.exec(t, "ALTER TABLE user_wx_account DROP KEY user_wx_account_appid, MODIFY appid VARCHAR(64) NOT NULL") // the platform's has any keys
	for _, table := range []string{"pushd_php_attempt", "host_qrcode", "host_follow", "host_callback", "host_trial"} {
		p.exec(t, "ALTER TABLE "+table+" ENGINE=MyISAM, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	}
	p.exec(t, "ALTER TABLE host_follow MODIFY scene VARCHAR(64) NOT NULL")
	p.exec(t, "INSERT INTO host_follow (appid, openid, created_at, kind, scene, act_id, noted_us, ref) VALUES ('wx1', 'o1', 1, 'SCAN', '门店', 0, 1, 'r')")
	p.exec(t, `INSERT INTO user_wx_account (uin, appid) VALUES (1, 'wx1'), (2, 'WX1'), (3, ' wx1'), (4, 'wx4 '), (5, 'wx4'),
		(6, ''), (7, ''), (8, 'wx8 '), (9, 'ｗｘ９'), (10, 'WX10')`)

	queries := strings.Split(blocks[0][1], ";\n")
	want := map[string]string{"wx1": "1 'wx1'; 2 'WX1'; 3 ' wx1'", "wx4": "4 'wx4 '; 5 'wx4'"}
	if got := p.pairs(t, queries[0]); len(got) != 2 || got["wx1"] != want["wx1"] || got["wx4"] != want["wx4"] {
		t.Errorf("twins: %v", got)
	}
	if got := p.pairs(t, queries[1]); len(got) != 4 || got["9"] != "'ｗｘ９'" || got["3"] == "" || got["4"] == "" || got["8"] == "" {
		t.Errorf("no appids: %v", got)
	}
	if _, err := p.ExecContext(t.Context(), blocks[1][1]); err == nil {
		t.Error("the tables were changed with twins in them")
	}
	p.exec(t, "UPDATE user_wx_account SET appid = '', app_secret = '' WHERE uin IN (2, 3, 5, 9)")
	p.exec(t, blocks[1][1])
	migrated(t, phptest.New(t, p.settings()), withHost)

	fresh := newPlatform(t)
	fresh.exec(t, string(host))
	names := `SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME), CONCAT_WS(' ', COLUMN_TYPE, COALESCE(COLLATION_NAME, '-'), IS_NULLABLE)
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND (TABLE_NAME REGEXP '^(host_|wx_|pushd_php_)' OR COLUMN_NAME = 'appid')`
	engines := "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
	for _, query := range []string{names, engines} {
		mended := p.pairs(t, query)
		for name, is := range fresh.pairs(t, query) {
			if mended[name] != is {
				t.Errorf("%s is %q, and in a new table %q", name, mended[name], is)
			}
		}
	}
	if n := p.number(t, "SELECT COUNT(*) FROM user_wx_account WHERE appid IS NULL"); n != 6 {
		t.Errorf("%d owners without an account", n)
	}
	if n := p.number(t, "SELECT COUNT(*) FROM user_wx_account WHERE HEX(appid) IN (HEX('wx4'), HEX('wx8'), HEX('WX10'), HEX('wx1'))"); n != 4 {
		t.Errorf("%d owners with one", n)
	}
	if _, err := p.ExecContext(t.Context(), "UPDATE user_wx_account SET appid = 'wx4' WHERE uin = 1"); err == nil {
		t.Error("an appid can still have two owners")
	}
}

// pairs reads rows of two texts.
func (p *platform) pairs(t *testing.T, query string) map[string]string {
	t.Helper()
	rows, err := p.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			t.Fatal(err)
		}
		all[name] = value
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
