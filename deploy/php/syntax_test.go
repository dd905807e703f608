package php_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"pushd/deploy/php/phptest"
)

// The files must run on PHP 7.2, which most test machines do not have:
// testdata/lint72.php finds what came later.
func TestSyntaxOfPHP72(t *testing.T) {
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "host"):
			return fs.SkipDir // the host's have a test of their own
		case filepath.Ext(path) == ".php":
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) < 15 {
		t.Fatal(files, err)
	}
	h := phptest.New(t, nil)
	run := h.Script(t.Context(), t, "testdata/lint72.php", files...)
	if run.Code != 0 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
}

func TestLint72(t *testing.T) {
	bad := map[string]string{
		"arrow function":    `$f = fn($x) => $x;`,
		"coalesce assign":   `$a ??= 1;`,
		"typed property":    `class A { private int $x = 1; }`,
		"typed static":      `class A { private static ?int $x; }`,
		"typed constant":    `class A { const int X = 1; }`,
		"match":             `$a = match ($b) { 1 => 2 };`,
		"nullsafe":          `$a?->b();`,
		"named argument":    `f(name: 1);`,
		"second named":      `f(1, name: 2);`,
		"union":             `function f(int|string $x) {}`,
		"union return":      `function f(): int|false {}`,
		"intersection":      `function f(A&B $x) {}`,
		"null type":         `function f(): null {}`,
		"promotion":         `class A { function __construct(private $x) {} }`,
		"static return":     `class A { function f(): static {} }`,
		"new in default":    `function f($x = new A) {}`,
		"mixed":             `function f(mixed $x) {}`,
		"str_contains":      `str_contains($a, "b");`,
		"array_key_first":   `$x = \array_key_first($a);`,
		"json throw":        `json_decode($a, true, 512, JSON_THROW_ON_ERROR);`,
		"separator":         `$x = 1_000;`,
		"octal":             `$x = 0o17;`,
		"comma in call":     `f(1, 2,);`,
		"comma in function": `function f($a, $b,) {}`,
		"comma in use":      `$f = function () use ($a,) {};`,
		"comma over lines":  "f(\n1,\n);",
		"spread":            `$x = [...$y];`,
		"callable":          `$x = strlen(...);`,
		"throw expression":  `$x = $y ?? throw new Exception();`,
		"catch alone":       `try { f(); } catch (Exception) {}`,
		"object class":      `$x = $y::class;`,
		"attribute":         "#[Pure]\nfunction f() {}",
		"enum":              `enum A { case B; }`,
		"readonly":          `class A { public readonly int $x; }`,
		"heredoc":           "$x = <<<EOT\n  a\n  EOT;\n",
	}
	good := map[string]string{
		"array comma":   `$x = [1, 2,]; $y = array(1, 2,); list($a, ,) = $x;`,
		"ternary":       `$x = f($a ? B : C); switch ($x) { case B: break; }`,
		"nullable":      `function f(?int $x = null, array &$y, A ...$z): ?iterable {}`,
		"constants":     `f(A | B); try { f(); } catch (A | B $e) { throw $e; }`,
		"members":       `final class A { const X = 1; private $x; public static $y; static function z(): void { static $n = 1; } }`,
		"by reference":  `$f = function &($x) use (&$y) { return $y & $x; };`,
		"spread call":   `f(...$x); $y = A::class; $x->match(); if ($a) throw $b;`,
		"words in text": `echo "?->", 'fn(mixed $x)'; // match ??= str_contains`,
	}
	lint := func(t *testing.T, code string) phptest.Run {
		file := filepath.Join(t.TempDir(), "x.php")
		if err := os.WriteFile(file, []byte("<?php\n"+code), 0o600); err != nil {
			t.Fatal(err)
		}
		return phptest.New(t, nil).Script(t.Context(), t, "testdata/lint72.php", file)
	}
	for name, code := range bad {
		t.Run(name, func(t *testing.T) {
			if run := lint(t, code); run.Code != 1 || run.Stdout == "" {
				t.Errorf("not found: %s\n%s%s", code, run.Stdout, run.Stderr)
			}
		})
	}
	for name, code := range good {
		t.Run(name, func(t *testing.T) {
			if run := lint(t, code); run.Code != 0 {
				t.Errorf("PHP 7.2 takes this: %s\n%s%s", code, run.Stdout, run.Stderr)
			}
		})
	}
}
