package php_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// The classes that need nothing around them, by PHPUnit: what cron does with an answer,
// force_refresh, names of tables, events and signatures. The tests take 8.5, for PHP
// 7.2, as well as 9.
func TestUnits(t *testing.T) {
	phpunit, err := exec.LookPath("phpunit")
	if err != nil {
		t.Fatal("phpunit is not installed (Debian: apt-get install phpunit)")
	}
	files, err := filepath.Glob("testdata/unit/*Test.php")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	cmd := exec.CommandContext(t.Context(), phptest.PHP(t), phpunit, "--no-configuration", "--do-not-cache-result", "--fail-on-risky", "--fail-on-warning", "--bootstrap", "autoload.php", "testdata/unit")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "OK (") {
		t.Errorf("%v\n%s", err, out)
	}
	if run := phptest.New(t, nil).Script(t.Context(), t, "testdata/lint72.php", files...); run.Code != 0 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
}
