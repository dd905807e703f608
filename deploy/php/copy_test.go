package php_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// What both READMEs say is to be copied is enough without a framework: the programs
// run from there, and so do the functions for other code. They are the package's
// classes; there is no second build of them.
func TestCopied(t *testing.T) {
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`(?m)^ +(cp -r .*) /srv/pushd-php/$`).FindSubmatch(text)
		if line == nil {
			t.Fatalf("%s does not say what to copy", readme)
		}
		dir := t.TempDir()
		if out, err := exec.Command("sh", "-c", string(line[1])+" "+dir).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", readme, err, out)
		}
		m := managerOn(t, unmigrated(t), accepted)
		m.channel(t, 1, 1, in(5), 15)
		h := m.host.With(phptest.Settings{"token_key": tokenKey})
		for _, c := range []struct {
			program, want string
		}{{"migrate.php", "the tables are up to date"}, {"cron.php", "actid=1 "}, {"doctor.php", "ok    pushd"}} {
			if run := h.Script(t.Context(), t, filepath.Join(dir, c.program)); run.Code != 0 || !strings.Contains(run.Stdout, c.want) {
				t.Errorf("%s: %s: %+v", readme, c.program, run)
			}
		}
		m.want(t, 1)
		if a := askAt(t, h.Serve(t, filepath.Join(dir, "token.php")), "appid=wx1"); a.Status != 200 || a.AccessToken == "" {
			t.Errorf("%s: token.php: %d %s", readme, a.Status, a.Text)
		}
		write(t, dir+"/own.php", `<?php require __DIR__ . '/wxtoken.php';
			$config = pushd_config();
			echo wx_token(pushd_db($config), $config, 'wx1')['access_token'] === '' ? 'none' : 'a token';`)
		if run := h.Script(t.Context(), t, dir+"/own.php"); run.Code != 0 || run.Stdout != "a token" {
			t.Errorf("%s: wx_token(): %+v", readme, run)
		}
	}
}
