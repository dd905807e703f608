package doctor

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pushd/internal/settings"
)

// The query of the example runs, on a table such as the sample host's, and the
// check says how many have asked, or what is wrong.
func TestCheck_AudienceQuery(t *testing.T) {
	server, root := startPlatform(t)
	m := regexp.MustCompile(`(?m)^#PUSHD_AUDIENCE_QUERY="(.+)"$`).FindStringSubmatch(readFile(t, "deploy/pushd.env.example"))
	if m == nil {
		t.Fatal("the example has no audience query")
	}
	check := func(query string, actid int64, want string) {
		t.Helper()
		var b bytes.Buffer
		o := Options{ActID: actid, Settings: settings.Settings{Database: settings.Database{MySQLDSN: settings.Secret(server.DSN("p"))}, Timezone: "UTC", StatusFailed: 3, AudienceQuery: query}}
		o.database(t.Context(), &report{w: &b})
		if !strings.Contains(b.String(), want) || query == "" && strings.Contains(b.String(), "audience query") {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	check("", 7, "")
	check(m[1], 7, "fail  audience query: PUSHD_AUDIENCE_QUERY is refused by the database: Error 1146")
	root("CREATE TABLE host_subscriber (act_id BIGINT NOT NULL, openid VARBINARY(64) NOT NULL, left_at BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (act_id, openid))")
	for i := range 30 {
		root(fmt.Sprintf("INSERT INTO host_subscriber (act_id, openid, left_at) VALUES (7, 'o%d', %d)", i, i%3))
	}
	root("INSERT INTO host_subscriber (act_id, openid) VALUES (7, 'is not one')")
	check(m[1]+"; -- of the host", 0, "ok    audience query: runs; give --actid")
	check(m[1], 7, "ok    audience query: finds 10 subscribers of channel 7")
	check(m[1], 7, "warn  audience query: 1 rows of channel 7 hold what is no openid")
	check(strings.Replace(m[1], "ORDER BY openid", "ORDER BY openid DESC", 1), 7, "fail  audience query: PUSHD_AUDIENCE_QUERY gives openids out of order")
	check(strings.Replace(m[1], "openid FROM", "openid, unknown FROM", 1), 7, "fail  audience query: PUSHD_AUDIENCE_QUERY is refused by the database: Error 1054")
}
