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
	fmt.Print("| mistake | red |\n| --- | --- |\n")
	var bad []error
	for _, m := range mutants() {
		if !pick.MatchString(m.name) {
			continue
		}
		red, err := try(ctx, dir, m, dry)
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

// try makes one mistake, runs its tests until one is red, and undoes it.
func try(ctx context.Context, dir string, m mutant, dry bool) (red string, err error) {
	for _, e := range m.edits {
		path := filepath.Join(dir, e.file)
		whole, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(whole), e.old); n != 1 {
			return "", fmt.Errorf("can't be made: %s has %d places like %q", e.file, n, e.old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(whole), e.old, e.new, 1)), 0o644); err != nil {
			return "", err
		}
		defer os.WriteFile(path, whole, 0o644)
	}
	if out, err := command(ctx, dir, "go", "vet", "./cmd/pushd", "./internal/fanout").CombinedOutput(); err != nil {
		return "", fmt.Errorf("can't be made: it does not build: %s", last(out))
	}
	if dry {
		return "", nil
	}
	for _, t := range m.tests {
		pkg, name, _ := strings.Cut(t, " ")
		limited, cancel := context.WithTimeout(ctx, 4*time.Minute)
		args := []string{"test", pkg, "-count=1", "-timeout", "3m", "-run", name}
		if strings.HasSuffix(pkg, "/crashtest") {
			args = append(args, "-crash.all")
		}
		out, err := command(limited, dir, "go", args...).CombinedOutput()
		cancel()
		if err != nil && strings.Contains(string(out), "[build failed]") {
			return "", fmt.Errorf("its test does not build: %s", last(out))
		}
		if err != nil {
			return "`" + pkg + "` " + first(out), nil
		}
	}
	return "", errors.New("survived: " + strings.Join(m.tests, ", "))
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
