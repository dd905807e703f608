package host_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// The gate leads to where the platform sells editions and takes accounts, if it
// says where that is; else it has no button.
func TestGate_Ways(t *testing.T) {
	s := newSite(t, 1)
	buttons := func(uin int) string {
		t.Helper()
		b := s.login(uin)
		page := b.page("/channels")
		if page.status != 403 {
			t.Fatalf("%d", page.status)
		}
		var all []string
		for _, m := range regexp.MustCompile(`<a class="button primary" href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(page.text, -1) {
			all = append(all, m[2]+" "+m[1])
			if strings.HasPrefix(m[1], "/") {
				if got := b.page(m[1]); got.status != 200 {
					t.Errorf("%s: %d", m[1], got.status)
				}
			}
		}
		return strings.Join(all, ", ")
	}
	s.exec("UPDATE user_wx_account SET appid = NULL, app_secret = '' WHERE uin = ?", carol) // lacks both
	config := t.TempDir() + "/config.php"                                                   // where an empty text is a setting, which it is not in the environment
	if err := os.WriteFile(config, []byte("<?php return ['account_url' => ''];"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set                phptest.Settings
		carol, dave, navto string
	}{
		{phptest.Settings{}, "公众号设置 /account", "公众号设置 /account", `href="/account"`},
		{phptest.Settings{"upgrade_url": "https://example.com/upgrade?from=a&to=b", "account_url": "https://example.com/me"},
			"版本升级 https://example.com/upgrade?from=a&amp;to=b, 公众号设置 https://example.com/me", "公众号设置 https://example.com/me", `href="https://example.com/me"`},
		{phptest.Settings{"PUSHD_PHP_CONFIG": config, "upgrade_url": "/account", "account_url": ""}, "版本升级 /account", "", ""},
	} {
		s.php = s.php.With(c.set)
		s.host = s.serve()
		if got := buttons(carol); got != c.carol {
			t.Errorf("%v: Carol has %q", c.set, got)
		}
		if got := buttons(dave); got != c.dave {
			t.Errorf("%v: Dave has %q", c.set, got)
		}
		if page := s.login(alice).page("/channels").text; !strings.Contains(page, c.navto) || c.navto == "" && strings.Contains(page, ">公众号</a>") {
			t.Errorf("%v: the way to the account of all pages", c.set)
		}
	}
	for _, bad := range []string{"javascript:alert(1)", "//example.com", `/\example.com`, "upgrade", "https://"} {
		s.php = s.php.With(phptest.Settings{"upgrade_url": bad})
		s.host = s.serve()
		if got := s.browser().page("/login"); got.status != 500 {
			t.Errorf("%s: %d", bad, got.status)
		}
	}
}
