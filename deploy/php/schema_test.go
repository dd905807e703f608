package php_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Whatever a database has for defaults, the tables have transactions, and the
// names that WeChat gives compare byte for byte.
func TestSchema_LeavesNothingToTheServer(t *testing.T) {
	p := emptyOn(t, server, "root")
	all := "ALTER DATABASE " + p.name + " CHARACTER SET gbk; SET default_storage_engine = MyISAM;\n"
	made := int64(0)
	for _, file := range []string{"../schema.sql", "schema.sql", "host/schema.sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
		made += int64(strings.Count(string(text), "\nCREATE TABLE "))
		for _, table := range regexp.MustCompile(`(?s)CREATE TABLE.*?;\n`).FindAllString(string(text), -1) {
			end := table[strings.LastIndexByte(table, ')'):]
			if !strings.Contains(end, "ENGINE=InnoDB DEFAULT CHARSET=") {
				t.Errorf("%s: %.60s… says no engine or character set: %s", file, table, end)
			}
		}
	}
	p.exec(t, all)
	if n := p.number(t, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND ENGINE = 'InnoDB'"); n != made {
		t.Errorf("%d tables are InnoDB", n)
	}
	names := "COLUMN_NAME IN ('appid', 'app_secret', 'act_live_template_id', 'template_id', 'scene', 'openid', 'signature', 'nonce', 'ref', 'secret_hash', 'access_token')"
	if n := p.number(t, "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND "+names); n != 25 {
		t.Errorf("%d columns of names", n)
	}
	odd := "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND " + names + " AND COALESCE(COLLATION_NAME, 'binary') NOT IN ('binary', 'ascii_bin')"
	if n := p.number(t, odd); n != 0 {
		t.Errorf("%d columns of names do not compare byte for byte", n)
	}
}

// An account belongs to one owner; who has none yet is in nobody's way.
func TestSchema_OneOwnerPerAccount(t *testing.T) {
	p := newPlatform(t)
	p.account(t, 1, "wx1")
	for _, twin := range []string{"wx1", "wx1 "} {
		if _, err := p.ExecContext(t.Context(), "INSERT INTO user_wx_account (uin, appid) VALUES (2, ?)", twin); err == nil || !strings.Contains(err.Error(), "Duplicate entry") {
			t.Errorf("a second owner of %q: %v", twin, err)
		}
	}
	p.exec(t, "INSERT INTO user_wx_account (uin, appid) VALUES (3, NULL), (4, NULL), (5, 'wx5')")
}

// Each table has its rights in the example of a whole installation, and those of
// the sample host in its pages.
func TestSchema_GrantsAreGiven(t *testing.T) {
	grants, err := os.ReadFile("../compose/grants.sh")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"docs/host.md": "", "docs/host.zh-CN.md": ""}
	for page := range pages {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		pages[page] = string(text)
	}
	for _, file := range []string{"schema.sql", "host/schema.sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`CREATE TABLE IF NOT EXISTS (\w+)`).FindAllStringSubmatch(string(text), -1) {
			gives := regexp.MustCompile(`ON live\.` + m[1] + ` TO php@`)
			if !gives.Match(grants) {
				t.Errorf("deploy/compose/grants.sh gives PHP no right to %s", m[1])
			}
			for page, text := range pages {
				if strings.HasPrefix(m[1], "host_") && !gives.MatchString(text) {
					t.Errorf("%s gives PHP no right to %s", page, m[1])
				}
			}
		}
	}
}
