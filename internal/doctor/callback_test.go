package doctor

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"pushd/internal/settings"
)

// The query of the example runs on the table of the sample host; without one, or
// with one that can't be run, it is said what that means.
func TestCheck_CallbackQuery(t *testing.T) {
	server, root := startPlatform(t)
	m := regexp.MustCompile(`(?m)^#PUSHD_CALLBACK_QUERY="(.+)"$`).FindStringSubmatch(readFile(t, "deploy/pushd.env.example"))
	if m == nil {
		t.Fatal("the example has no query of the callback")
	}
	check := func(secret, query, want string) {
		t.Helper()
		var b bytes.Buffer
		o := Options{Settings: settings.Settings{CallbackSecret: settings.Secret(secret),
			Database: settings.Database{MySQLDSN: settings.Secret(server.DSN("p"))}, Timezone: "UTC", StatusFailed: 3, CallbackQuery: query}, AppID: "wx7"}
		o.database(t.Context(), &report{w: &b})
		if want == "" && strings.Contains(b.String(), "callback") || !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	check("", "", "")
	check("s", "", "warn  callback: PUSHD_CALLBACK_SECRET is set and PUSHD_CALLBACK_QUERY is not")
	check("s", m[1], "fail  callback: read the version of wx7's callback token (PUSHD_CALLBACK_QUERY): Error 1146")
	root(readFile(t, "deploy/php/host/schema.sql"))
	check("s", m[1]+";", "ok    callback")
	root("INSERT INTO host_contact (appid, token_version) VALUES ('wx7', 3)")
	check("s", m[1], "ok    callback")
	check("s", "SELECT appid FROM host_contact WHERE appid = ?", "fail  callback:")
}
