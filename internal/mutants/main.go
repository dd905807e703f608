// Command mutants shows that the tests can fail. It makes a copy of the tree,
// puts one mistake at a time into it, and runs the tests that should notice,
// the cheapest first. A mistake that no test notices is a missing test, and an
// error; so is one that cannot be made any more because the code has moved.
//
// It is run by make mutants and is no part of the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "run the mutants whose names match this")
	dry := flag.Bool("dry", false, "only look whether each mistake can be made")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *dry); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, dry bool) error {
	pick, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pushd-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, tree{os.DirFS(".")}); err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	w := &workshop{dir: dir, dry: dry, green: map[string]error{}}
	fmt.Print("| mistake | red |\n| --- | --- |\n")
	var bad []error
	for _, m := range mutants() {
		if !pick.MatchString(m.name) {
			continue
		}
		red, err := w.try(ctx, m)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", m.name, err))
			red = "**" + err.Error() + "**"
		}
		fmt.Printf("| %s | %s |\n", m.name, red)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(bad...)
}

// workshop is the copy in which mistakes are made, one at a time.
type workshop struct {
	dir   string
	dry   bool
	green map[string]error // tests that were run without a mistake
}

// try makes one mistake, and looks for a test that is red with it and green
// without it.
func (w *workshop) try(ctx context.Context, m mutant) (red string, err error) {
	for _, t := range m.tests {
		if red, err = w.withMistake(ctx, m, t); err != nil || w.dry {
			return "", err
		}
		if red == "" {
			continue
		}
		if _, known := w.green[t]; !known {
			if text, _ := w.test(ctx, t); text != "" {
				w.green[t] = fmt.Errorf("%s is red without any mistake: %s", t, text)
			} else {
				w.green[t] = nil
			}
		}
		return red, w.green[t]
	}
	return "", errors.New("survived: " + strings.Join(m.tests, ", "))
}

// withMistake runs a test on the tree with one mistake, and undoes that.
func (w *workshop) withMistake(ctx context.Context, m mutant, t string) (red string, err error) {
	wrong, err := m.apply(os.DirFS(w.dir))
	if err != nil {
		return "", fmt.Errorf("can't be made: %w", err)
	}
	for name, text := range wrong {
		path := filepath.Join(w.dir, name)
		right, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", err
		}
		defer os.WriteFile(path, right, 0o644)
	}
	if out, err := command(ctx, w.dir, "go", "build", "./...").CombinedOutput(); err != nil {
		return "", fmt.Errorf("can't be made: it does not build: %s", last(out))
	}
	if w.dry {
		return "", nil
	}
	return w.test(ctx, t)
}

// test runs a test and names what is red; "" is green.
func (w *workshop) test(ctx context.Context, t string) (red string, err error) {
	pkg, name, _ := strings.Cut(t, " ")
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	args := []string{"test", pkg, "-count=1", "-timeout", "3m", "-run", name}
	if strings.HasSuffix(pkg, "/crashtest") {
		args = append(args, "-crash.all")
	}
	out, err := command(ctx, w.dir, "go", args...).CombinedOutput()
	switch {
	case err == nil:
		return "", nil
	case strings.Contains(string(out), "[build failed]"):
		return "", fmt.Errorf("its test does not build: %s", last(out))
	}
	return "`" + pkg + "` " + first(out), nil
}

func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// failed finds the names of failed tests; those of subtests are longer.
var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// first names the most exact of the first few failed tests.
func first(out []byte) string {
	best := ""
	for i, m := range failed.FindAllSubmatch(out, -1) {
		if i < 3 && len(m[1]) > len(best) {
			best = string(m[1])
		}
	}
	if best == "" {
		return "does not end" // or panics
	}
	return "`" + best + "`"
}

func last(out []byte) string {
	s := strings.TrimSpace(string(out))
	return strings.ReplaceAll(s[max(0, len(s)-200):], "\n", " ")
}
