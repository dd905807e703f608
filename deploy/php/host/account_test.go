package host_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

const taken = "该公众号已绑定其他账号"

// older makes the table of accounts one that was there before: nothing keeps an
// appid to one owner, and several spellings count as one.
func (s *site) older() {
	s.t.Helper()
	s.exec("ALTER TABLE user_wx_account CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, DROP KEY user_wx_account_appid, MODIFY appid VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL")
}

// save fills in the form of the account page.
func (b *browser) save(appid, secret string) reply {
	b.t.Helper()
	return b.post("/account", url.Values{"csrf": {b.csrf}, "appid": {appid}, "secret": {secret}})
}

// holder is the appid of an owner's row as it is stored, "" for NULL.
func (s *site) holder(uin int) (appid string) {
	s.t.Helper()
	if err := s.DB.QueryRowContext(s.t.Context(), "SELECT COALESCE(MAX(appid), '') FROM user_wx_account WHERE uin = ?", uin).Scan(&appid); err != nil {
		s.t.Fatal(err)
	}
	return appid
}

// Rows that came another way than through the account page: who holds an appid
// that somebody else holds may do nothing with it, in whatever spelling, and is
// shown nothing of it. The spelling that WeChat uses stays usable beside others.
func TestGate_AppIDOfAnotherOwner(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.channel(12, bob, "Bob's evening", time.Now().Add(3*time.Hour), 0)
	s.older()
	a, b := s.login(alice), s.login(bob)
	for name, c := range map[string]struct {
		appid   any
		says    string // to Bob; "": his gate is open
		aliceIn bool
	}{
		"his own":           {"wxbob", "", true},
		"the same":          {"wxalice", taken, false},
		"a blank behind":    {"wxalice ", taken, false},
		"a tab behind":      {"wxalice\t", taken, true},
		"a blank before":    {" wxalice", taken, true},
		"a wide blank":      {"wxalice　", taken, false}, // this collation takes it for a blank
		"capitals":          {"WXALICE", taken, true},
		"one capital":       {"wxAlice", taken, true},
		"capital and blank": {" WXalice ", taken, true},
		"wide letters":      {"ｗｘａｌｉｃｅ", "AppID 不正确", true},
		"a wide letter":     {"wxａlice", "AppID 不正确", true},
		"an accent":         {"wxalicé", "AppID 不正确", true},
		"a quote":           {"wxalice' -- ", "AppID 不正确", true},
		"NULL":              {nil, "尚未配置公众号", true},
		"nothing":           {"", "尚未配置公众号", true},
		"blanks":            {"  ", "尚未配置公众号", true},
		"his own, a blank":  {"wxbob ", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s.exec("UPDATE user_wx_account SET appid = ? WHERE uin = ?", c.appid, bob)
			for _, path := range []string{"/api/settings", "/api/channels", "/settings", "/channels"} {
				got := b.page(path)
				if c.says == "" {
					if got.status != 200 {
						t.Errorf("%s: %d %s", path, got.status, got.text)
					}
					continue
				}
				if got.status != 403 || !strings.Contains(got.text, c.says) || strings.Contains(got.text, "callback") {
					t.Errorf("%s: %d %s", path, got.status, got.text)
				}
			}
			if got := b.api("/watch/12", nil); strings.Contains(got.text, `"code":"reminder_unavailable"`) != (c.says != "") {
				t.Errorf("to viewers: %s", got.text)
			}
			if got := a.page("/api/settings"); (got.status == 200) != c.aliceIn || !c.aliceIn && !strings.Contains(got.text, taken) {
				t.Errorf("Alice: %d %s", got.status, got.text)
			}
			if page := b.page("/account"); page.status != 200 || (c.says == taken) != strings.Contains(page.text, taken) {
				t.Errorf("account page: %d %s", page.status, page.text)
			}
		})
	}
}

// The account page saves what WeChat takes and nobody else holds, in one
// spelling, and nothing of anything else.
func TestAccount_Save(t *testing.T) {
	for name, prepare := range map[string]func(*site){"new tables": func(*site) {}, "older tables": (*site).older} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			prepare(s)
			s.Sim.Account("wxdave", wechatsim.AccountOptions{Secret: appSecret})
			d := s.login(dave)
			if page := d.page("/account"); page.status != 200 || strings.Contains(page.text, "notice bad") {
				t.Errorf("before: %d %s", page.status, page.text)
			}
			for _, c := range []struct {
				appid, secret string
				status        int
				says          string
			}{
				{"wxalice", appSecret, 409, taken},
				{"wxalice", "invented", 409, taken},
				{"WXALICE", appSecret, 409, taken},
				{" wxalice\t", appSecret, 409, taken},
				{"wxalice　", appSecret, 409, taken},
				{"ｗｘｄａｖｅ", appSecret, 422, "AppID 只能由"},
				{"wx dave", appSecret, 422, "AppID 只能由"},
				{"wxdave' OR 1=1 -- ", appSecret, 422, "AppID 只能由"},
				{strings.Repeat("x", 65), appSecret, 422, "AppID 只能由"},
				{"", appSecret, 422, "请填写AppID"},
				{"　", appSecret, 422, "AppID 只能由"},
				{"wxdave", "", 422, "请填写AppSecret"},
				{"wxdave", "秘密", 422, "AppSecret 中有不能使用的字符"},
				{"wxdave", "invented", 422, "AppSecret 不正确"},
				{"wxnobody", appSecret, 422, "AppID 不正确"},
			} {
				if got := d.save(c.appid, c.secret); got.status != c.status || !strings.Contains(got.text, c.says) {
					t.Errorf("%q %q: %d %s", c.appid, c.secret, got.status, got.text)
				}
				if got := s.holder(dave); got != "" {
					t.Errorf("%q was saved", got)
				}
			}
			if got := d.save(" wxdave　", appSecret+"\r\n"); got.status != 303 {
				t.Errorf("Dave's own: %d %s", got.status, got.text)
			}
			if n := s.number("SELECT COUNT(*) FROM user_wx_account WHERE uin = ? AND HEX(appid) = HEX('wxdave') AND app_secret = ?", dave, appSecret); n != 1 {
				t.Errorf("saved as %q", s.holder(dave))
			}
			if got := d.page("/channels"); got.status != 200 {
				t.Errorf("the gate: %d", got.status)
			}
			// Once more, and then another account; the old one is free.
			s.Sim.Account("wxdave2", wechatsim.AccountOptions{Secret: appSecret})
			for _, appid := range []string{"wxdave", "wxdave2"} {
				if got := d.save(appid, appSecret); got.status != 303 || s.holder(dave) != appid {
					t.Errorf("%s: %d %s", appid, got.status, got.text)
				}
			}
			if got := s.login(bob).save("wxdave", appSecret); got.status != 303 {
				t.Errorf("Bob takes what Dave left: %d %s", got.status, got.text)
			}
			if got := d.save("wxbob", appSecret); got.status != 303 {
				t.Errorf("and Dave what Bob left: %d %s", got.status, got.text)
			}
		})
	}
}

// WeChat away, or another reason than the secret: nothing is saved.
func TestAccount_NotProven(t *testing.T) {
	s := newSite(t, 1)
	d := s.login(dave)
	s.Sim.Account("wxdave", wechatsim.AccountOptions{Secret: appSecret})
	for code, c := range map[int]struct {
		status int
		says   string
	}{40164: {422, "IP 白名单"}, 89503: {422, "管理员确认"}, 40243: {422, "冻结"}, 45009: {502, "请稍后再试"}, -1: {502, "请稍后再试"}} {
		fault := s.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathStable, Action: wechatsim.ActCode, Code: code})
		if got := d.save("wxdave", appSecret); got.status != c.status || !strings.Contains(got.text, c.says) || s.holder(dave) != "" {
			t.Errorf("%d: %d %s", code, got.status, got.text)
		}
		s.Sim.Faults.Clear(fault)
	}
	if got := s.browser().page("/account"); got.status != 303 {
		t.Errorf("nobody sees the page: %d", got.status)
	}
	forger := *d
	forger.csrf = "forged"
	if got := forger.save("wxdave", appSecret); got.status != 403 || s.holder(dave) != "" {
		t.Errorf("forged: %d", got.status)
	}
	// Carol's edition keeps her from reminders, not from her account.
	s.Sim.Account("wxcarol2", wechatsim.AccountOptions{Secret: appSecret})
	if got := s.login(carol).save("wxcarol2", appSecret); got.status != 303 {
		t.Errorf("Carol: %d %s", got.status, got.text)
	}
	d.post("/account", url.Values{"csrf": {d.csrf}, "appid[]": {"x"}, "secret[]": {"x"}})
}

// Owners who save one appid at the same moment, each at a web server of their
// own: one has it, the others read why not.
func TestAccount_AtOnce(t *testing.T) {
	for name, prepare := range map[string]func(*site){"new tables": func(*site) {}, "older tables": (*site).older} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1)
			prepare(s)
			var owners []*browser
			for uin := 20; uin < 26; uin++ {
				s.exec("INSERT INTO user (uin, edition) VALUES (?, 3)", uin)
				if uin%2 == 0 { // some have a row already
					s.exec("INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (?, NULL, '')", uin)
				}
				s.host = s.serve()
				own := *s
				owners = append(owners, own.login(uin))
			}
			for round := range 5 {
				appid := fmt.Sprint("wxshared", round)
				s.Sim.Account(appid, wechatsim.AccountOptions{Secret: appSecret})
				answers := make([]reply, len(owners))
				var all sync.WaitGroup
				for i, o := range owners {
					spelled := []string{appid, " " + appid, appid + " "}[i%3]
					all.Go(func() { answers[i] = o.save(spelled, appSecret) })
				}
				all.Wait()
				won := 0
				for i, got := range answers {
					if got.status == http.StatusSeeOther {
						won++
					} else if got.status != http.StatusConflict || !strings.Contains(got.text, taken) {
						t.Errorf("owner %d: %d %s", 20+i, got.status, got.text)
					}
				}
				if n := s.number("SELECT COUNT(*) FROM user_wx_account WHERE appid = ?", appid); won != 1 || n != 1 {
					t.Errorf("%d owners were told that they have %s, and %d do", won, appid, n)
				}
			}
		})
	}
}

// The platform's own page writes while the host looks: the unique key decides,
// and the owner reads the same words.
func TestAccount_UniqueKeyDecides(t *testing.T) {
	s := newSite(t, 1)
	d := s.login(dave)
	s.Sim.Account("wxlate", wechatsim.AccountOptions{Secret: appSecret})
	for _, table := range []string{"INSERT", "UPDATE"} {
		// While Dave's row is written, Bob's takes the appid: as near to "at
		// once" as a trigger can come.
		s.exec("CREATE TRIGGER first BEFORE " + table + " ON user_wx_account FOR EACH ROW SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = 'Duplicate entry'")
		if got := d.save("wxlate", appSecret); got.status != 409 || !strings.Contains(got.text, taken) {
			t.Errorf("%s: %d %s", table, got.status, got.text)
		}
		s.exec("DROP TRIGGER first")
		s.exec("REPLACE INTO user_wx_account (uin, appid) VALUES (?, NULL)", dave)
	}
}

// What an owner enters in WeChat's console is made with the host's secret: who
// knows the appid knows nothing. It stays what it was.
func TestCallback_TokenNeedsTheHostsSecret(t *testing.T) {
	s := newSite(t, 1)
	tokens := map[string]bool{}
	for _, secret := range []string{hostSecret, strings.Repeat("another-secret-", 3), strings.Repeat("a-third-secret-", 3)} {
		s.php = s.php.With(phptest.Settings{"host_secret": secret})
		s.host = s.serve()
		tokens[s.callback(s.login(alice), "wxalice").token] = true
		tokens[s.callback(s.login(bob), "wxbob").token] = true
	}
	if len(tokens) != 6 {
		t.Errorf("%d tokens of 6: %v", len(tokens), tokens)
	}
	if !tokens["b1bf71f28d7ef050c6729af66eef7cba"] {
		t.Errorf("the token of wxalice has changed: what owners entered at WeChat no longer works: %v", tokens)
	}
	for _, secret := range []string{"", strings.Repeat("x", 31)} {
		s.php = s.php.With(phptest.Settings{"host_secret": secret})
		s.host = s.serve()
		if got := s.browser().page("/login"); got.status != 500 {
			t.Errorf("with a secret of %d characters: %d", len(secret), got.status)
		}
	}
}
