package doctor

import (
	"strings"
	"testing"
)

// The check names who holds an appid that somebody else holds, in whatever
// spelling, and what SQL corrects it; owners without an account are no finding.
func TestCheck_Accounts(t *testing.T) {
	server, root := startPlatform(t)
	migrate(t, server.DSN("p"))
	root("CREATE USER pushd@localhost IDENTIFIED BY 'hunter2';" + grants)
	dsn := server.UserDSN("pushd", "hunter2", "p")
	found := func(wants ...string) {
		t.Helper()
		var got []string
		for line := range strings.Lines(checked(t, dsn, 0)) {
			if strings.Contains(line, "  accounts: ") {
				got = append(got, line)
			}
		}
		if len(got) != len(wants) {
			t.Errorf("found %q, want %q", got, wants)
			return
		}
		for i, want := range wants {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("found %q, want %q", got[i], want)
			}
			if strings.Contains(got[i], "s3cret") {
				t.Errorf("shows a secret: %s", got[i])
			}
		}
	}
	root("INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (1, 'wx1', 's3cret'), (2, NULL, ''), (3, NULL, ''), (4, 'wx4', 's3cret')")
	found("ok    accounts: each appid has one owner\n")

	root("ALTER TABLE user_wx_account DROP KEY user_wx_account_appid")
	found("warn  accounts: each appid has one owner, but nothing keeps it so: ALTER TABLE user_wx_account ADD UNIQUE (appid)")

	root("INSERT INTO user_wx_account (uin, appid) VALUES (5, 'wx1')")
	found(`fail  accounts: appid wx1 is held by uin 1 as "wx1", uin 5 as "wx1"; an account has one owner: find out whose it is, and take it from the others: ` +
		"UPDATE user_wx_account SET appid = NULL WHERE uin IN (1, 5) AND uin <> the owner's\n")

	for spelling, shown := range map[string]string{"WX1": `"WX1"`, "wx1 ": `"wx1 "`, " Wx1": `" Wx1"`, "wx1\t": `"wx1\t"`} {
		root("UPDATE user_wx_account SET appid = '" + spelling + "' WHERE uin = 5")
		wants := []string{`fail  accounts: appid wx1 is held by uin 1 as "wx1", uin 5 as ` + shown + "; an account has one owner"}
		if strings.TrimSpace(spelling) != spelling {
			wants = append(wants, "warn  accounts: uin 5 holds "+shown+", with blanks: UPDATE user_wx_account SET appid = '"+strings.TrimSpace(spelling)+"' WHERE uin = 5\n")
		}
		found(wants...)
	}

	root("DELETE FROM user_wx_account WHERE appid IS NULL")
	root("ALTER TABLE user_wx_account MODIFY appid VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL DEFAULT '', MODIFY uin VARCHAR(40) CHARACTER SET utf8mb4 NOT NULL")
	root("UPDATE user_wx_account SET appid = 'ｗｘ４', uin = 'o''five' WHERE uin = '5'; INSERT INTO user_wx_account (uin, appid) VALUES (8, '公众号'), (9, ' '), (10, 'wx10 ')")
	found(`fail  accounts: appid wx4 is held by uin 4 as "wx4", uin o'five as "ｗｘ４"; an account has one owner: find out whose it is, and take it from the others: `+
		"UPDATE user_wx_account SET appid = '' WHERE uin IN (4, 'o''five') AND uin <> the owner's",
		`warn  accounts: uin 10 holds "wx10 ", with blanks: UPDATE user_wx_account SET appid = 'wx10' WHERE uin = 10`,
		`warn  accounts: uin 8 holds "公众号", which is no appid; the owner must enter it again: UPDATE user_wx_account SET appid = '' WHERE uin = 8`,
		`warn  accounts: uin o'five holds "ｗｘ４", which is no appid`)

	root("DELETE FROM user_wx_account WHERE uin NOT IN ('1', '4')")
	var many []string
	for n := 'a'; n <= 'z'; n++ {
		many = append(many, "('x"+string(n)+"', 'wx"+string(n)+"'), ('y"+string(n)+"', 'WX"+string(n)+"')")
	}
	root("INSERT INTO user_wx_account (uin, appid) VALUES " + strings.Join(many, ","))
	out := checked(t, dsn, 0)
	if strings.Count(out, "fail  accounts: ") != holdersShown+1 || !strings.Contains(out, "fail  accounts: 6 more appids are held more than once") {
		t.Errorf("%s", out)
	}

	// A platform whose accounts are elsewhere; one that shows pushd other columns.
	root("REVOKE SELECT (uin, appid) ON user_wx_account FROM pushd@localhost")
	found()
	root("RENAME TABLE user_wx_account TO accounts")
	found()
}
