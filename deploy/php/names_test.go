package php_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// names looks at files for names that are not there, with what a loader brings.
func names(t *testing.T, loader string, files ...string) phptest.Run {
	t.Helper()
	if _, err := os.Stat("/usr/share/php/PhpParser/ParserFactory.php"); err != nil {
		t.Fatal("PhpParser is not installed (Debian: apt-get install php-parser)")
	}
	file := filepath.Join(t.TempDir(), "loader.php")
	write(t, file, "<?php\n"+loader)
	return phptest.New(t, nil).Script(t.Context(), t, "testdata/names.php", append([]string{file}, files...)...)
}

// bridges lets the classes of both frameworks be found: Laravel's own, and what the
// tests have in ThinkPHP's place.
func bridges() string {
	return "require '/usr/share/php/Illuminate/autoload.php'; require '" + phptest.Dir() + "/testdata/think/framework.php'; require '" + phptest.Dir() + "/autoload.php';"
}

// No file names a class, function, method, constant or property that is not there,
// or calls one with too few or too many arguments, also where no test comes by.
func TestNames(t *testing.T) {
	classes, err := filepath.Glob("src/*.php")
	if err != nil {
		t.Fatal(err)
	}
	for _, deep := range []string{"src/*/*.php", "src/*/*/*.php"} {
		more, err := filepath.Glob(deep)
		if err != nil {
			t.Fatal(err)
		}
		classes = append(classes, more...)
	}
	host, err := filepath.Glob("host/app/*.php")
	if err != nil {
		t.Fatal(err)
	}
	if len(classes) < 60 || len(host) < 20 {
		t.Fatal(classes, host)
	}
	if run := names(t, bridges(), classes...); run.Code != 0 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
	functions := "require '" + phptest.Dir() + "/lib.php'; foreach (glob('" + phptest.Dir() + "/host/app/*.php') as $f) { require_once $f; }"
	run := names(t, functions, append(host, "lib.php", "wxtoken.php", "cron.php", "token.php", "doctor.php", "migrate.php",
		"host/callback.php", "host/export.php", "host/housekeeping.php")...)
	if run.Code != 0 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
}

func TestNames_Bite(t *testing.T) {
	const head = "<?php\nnamespace Pushd\\Platform\\Tried;\nuse Pushd\\Platform\\Tables;\n"
	for body, want := range map[string]string{
		"$this->b = 1;":         "$this->b is not declared",
		"$this->g();":           "Tried\\Bad::g() is not there",
		"self::h();":            "Tried\\Bad::h() is not there",
		"new Tables(1, 2);":     "__construct() is called with 2 arguments",
		"new \\DateTimeZone();": "__construct() is called with 0 arguments",
		"$this->f(1);":          "f() is called with 1 arguments",
		"strlen();":             "strlen() is called with 0 arguments",
		"nope();":               "the function nope is not there",
		"echo Tables::NONE;":    "Tables::NONE is no constant",
		"Tables::missing();":    "Tables::missing() is not there",
		"try { $this->f(); } catch (Throwable $e) { }": "Tried\\Throwable is not there",
		"function (?Clock $c): void { };":              "Tried\\Clock is not there",
	} {
		file := filepath.Join(t.TempDir(), "bad.php")
		write(t, file, head+"final class Bad { private $a; public function f(): void { "+body+" } public function t(): Tables { return $this->a; } }")
		if run := names(t, bridges()+"require '"+file+"';", file); run.Code != 1 || !strings.Contains(run.Stdout, want) || strings.Count(run.Stdout, "\n") > 2 {
			t.Errorf("%s: %d %s%s, want %s", body, run.Code, run.Stdout, run.Stderr, want)
		}
	}
	file := filepath.Join(t.TempDir(), "good.php")
	write(t, file, head+`final class Good { const A = 1; private $a; public function __construct(int ...$x) { $this->a = $x; }
		public function f(): Tables { return (new self(1, 2, self::A))->f(...$this->a) ?? new Tables([]); }
		public static function g() { return \strlen('a') + count([PHP_INT_SIZE]) + (new class { public $z = 1; function h() { return $this->z; } })->h(); } }`)
	if run := names(t, bridges()+"require '"+file+"';", file); run.Code != 0 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
	write(t, file, "<?php\nuse Pushd\\Platform\\Tables;\nuse Pushd\\Platform\\Clock;\necho Tables::class;\n")
	if run := names(t, bridges(), file); run.Code != 1 || !strings.Contains(run.Stdout, "the import Clock is not used") {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
}
