package php_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// spellings are appids that a database may take for wx1.
var spellings = []string{"WX1", "Wx1", "wX1"}

// A token is for one spelling, in a database that takes others for the same:
// whoever writes an appid in capitals, with an invented secret, gets nothing,
// and is in nobody's way.
func TestToken_OneSpelling(t *testing.T) {
	e := newEndpoint(t)
	e.old(t)
	e.wechat.set(func(c stableCall) any {
		if c.AppID != "wx1" || c.Secret != appSecret {
			return refusal(40125, "invalid appsecret")
		}
		return token("marked-token-of-wx1", 7200)
	})
	for i, twin := range spellings {
		e.exec(t, "INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (?, ?, 'invented')", 10+i, twin)
	}
	if a := e.ask(t, "appid=wx1"); a.Status != 200 || a.AccessToken != "marked-token-of-wx1" {
		t.Fatalf("the owner: %+v", a)
	}
	for _, twin := range spellings {
		if a := e.ask(t, "appid="+twin); a.Status != 502 || a.AccessToken != "" {
			t.Errorf("%s: %+v", twin, a)
		}
		e.exec(t, "UPDATE wx_access_token SET secret_hash = LEFT(SHA2('wx_access_token/invented', 256), 32)")
		if a := e.ask(t, "appid="+twin); a.Status != 502 || a.AccessToken != "" {
			t.Errorf("%s, by the row of wx1: %+v", twin, a)
		}
		e.exec(t, "UPDATE wx_access_token SET secret_hash = LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32)")
	}
	e.wechat.asked()
	if a := e.ask(t, "appid=wx1"); a.Status != 200 || len(e.wechat.asked()) != 0 {
		t.Errorf("the owner's token is gone from the cache: %+v", a)
	}
	e.exec(t, "DELETE FROM user_wx_account WHERE uin = 1")
	if a := e.ask(t, "appid=wx1"); a.Status != 404 {
		t.Errorf("nobody holds wx1: %+v", a)
	}
}

// Blanks that were pasted along are no part of an appid: wx1 with one behind it
// is wx1, and two owners hold it.
func TestToken_BlanksAreNoSpelling(t *testing.T) {
	e := newEndpoint(t)
	e.old(t)
	for _, secret := range []string{"invented", ""} {
		e.exec(t, "REPLACE INTO user_wx_account (uin, appid, app_secret) VALUES (2, 'wx1 ', ?)", secret)
		if a := e.ask(t, "appid=wx1"); a.Status != 409 || a.AccessToken != "" {
			t.Errorf("secret %q: %+v", secret, a)
		}
	}
	e.exec(t, "DELETE FROM user_wx_account WHERE uin = 1")
	e.exec(t, "UPDATE user_wx_account SET app_secret = ?", " "+appSecret+"\r\n")
	if a := e.ask(t, "appid=wx1"); a.Status != 200 || a.AccessToken == "" {
		t.Errorf("the only owner: %+v", a)
	}
	if a := e.ask(t, "appid=wx1%20"); a.Status != 400 {
		t.Errorf("asked with a blank: %+v", a)
	}
}

// A query of the platform's own may give the secret alone, or other columns.
func TestToken_OwnAccountQuery(t *testing.T) {
	e := newEndpoint(t)
	for _, query := range []string{
		"SELECT app_secret FROM user_wx_account WHERE appid = ?",
		"SELECT app_secret, uin FROM user_wx_account WHERE appid = ?",
		"SELECT app_secret AS s, UPPER('x') AS other, appid AS APPID FROM user_wx_account WHERE appid = ?",
	} {
		if a := askAt(t, e.host.With(phptest.Settings{"account_query": query}).Serve(t), "appid=wx1"); a.Status != 200 {
			t.Errorf("%s: %+v", query, a)
		}
	}
}

// Of two owners who hold one appid nobody's reminder is posted: pushd may hold
// the account's token, and would send either's to the account's followers.
// Another spelling is another account, of which pushd gets no token.
func TestCron_TwoOwnersOfOneAccount(t *testing.T) {
	for name, c := range map[string]struct {
		appid   any
		secret  string
		want    []int64
		refused int
	}{
		"another secret": {"wx1", "invented", []int64{2}, 2},
		"no secret":      {"wx1", "", []int64{2}, 2},
		"a blank behind": {"wx1 ", "invented", []int64{2}, 2},
		"a tab behind":   {"wx1\t", "invented", []int64{1, 2}, 1}, // which the database does not take for wx1
		"a blank before": {" wx1", "invented", []int64{1, 2}, 1},
		"a line end":     {"wx1\r\n", "", []int64{1, 2}, 1},
		"a wide blank":   {"wx1　", "invented", []int64{2}, 2},
		"one secret":     {"wx1", appSecret, []int64{1, 3, 2}, 0}, // both have proven it
		"capitals":       {"WX1", "invented", []int64{1, 3, 2}, 0},
		"wide letters":   {"ｗｘ１", "invented", []int64{1, 3, 2}, 0},
		"none":           {nil, "", []int64{1, 2}, 0},
		"empty":          {"", "invented", []int64{1, 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, accepted)
			m.exec(t, `ALTER TABLE user_wx_account CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, DROP KEY user_wx_account_appid`)
			m.exec(t, "INSERT INTO wx_access_token (appid, access_token, expires_at, secret_hash) VALUES ('wx1', 'marked-token', UNIX_TIMESTAMP() + 1000, LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32))")
			m.account(t, 5, "wx5")
			m.account(t, 3, "wx3")
			m.exec(t, "UPDATE user_wx_account SET appid = ?, app_secret = ? WHERE uin = 3", c.appid, c.secret)
			m.channel(t, 1, 1, in(3), 15)
			m.channel(t, 3, 3, in(4), 15)
			m.channel(t, 2, 5, in(5), 15)
			code := 0
			if c.refused > 0 {
				code = 2
			}
			run := m.run(t, code)
			var got []int64
			for _, j := range m.pushd.jobs() {
				got = append(got, j.ActID)
				if (j.Token != "") != (j.AppID == "wx1") {
					t.Errorf("%q was posted with token %q", j.AppID, j.Token)
				}
			}
			slices.Sort(got) // posts in flight arrive in any order
			slices.Sort(c.want)
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("posted %v, want %v", got, c.want)
			}
			if strings.Count(run.Stdout, "refused code=appid_taken") != c.refused {
				t.Errorf("%s", run.Stdout)
			}
		})
	}
}
