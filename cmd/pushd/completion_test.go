package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// script writes the completion of a shell into a file.
func script(t *testing.T, shell string) (file string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), heard{}, []string{"completion", shell}, nil, nil, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	file = filepath.Join(t.TempDir(), "pushd."+shell)
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// offers asks a real shell what it offers at the end of command lines, each of which
// is words with the beginning of one at the end.
var offers = map[string]func(t *testing.T, file string, line []string) []string{
	"bash": func(t *testing.T, file string, line []string) []string {
		return ask(t, "bash", append([]string{"-c", `source "$1"; shift; COMP_WORDS=(/usr/bin/pushd "$@"); COMP_CWORD=$#; _pushd_program /usr/bin/pushd "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s\n' "${COMPREPLY[@]}"`, "-", file}, line...)...)
	},
	// The lists are shown as the script hands them to zsh.
	"zsh": func(t *testing.T, file string, line []string) []string {
		return ask(t, "zsh", append([]string{"-fc", `_describe() { print -rl -- ${(P)@[-1]} }; compadd() { shift; print -rl -- $@ }; _files() { : }
complete() { words=(/usr/bin/pushd "$@"); CURRENT=$#words; PREFIX=$words[-1]; source $file }; file=$1; shift; complete "$@"`, "-", file}, line...)...)
	},
	"fish": func(t *testing.T, file string, line []string) []string {
		return ask(t, "fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", file, "/usr/bin/pushd "+strings.Join(line, " "))
	},
}

// ask runs a shell and returns the first word of each line that it prints.
func ask(t *testing.T, shell string, args ...string) (words []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Errorf("%s %q: %v %s", shell, args, err, errs.String())
	}
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if shell == "zsh" {
			word, _, _ = strings.Cut(word, ":")
		}
		words = append(words, word)
	}
	return words
}

// Each shell offers every command and every flag there is, at its place, and the
// values of a setting that has few.
func TestCompletion(t *testing.T) {
	for shell, offer := range offers {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Fatalf("%s is not here; .ci/deps installs it", shell)
			}
			file := script(t, shell)
			want := func(line []string, words ...string) {
				t.Helper()
				got := offer(t, file, line)
				for _, w := range words {
					if !slices.Contains(got, w) {
						t.Errorf("%q: %s is not offered, but %q", line, w, got)
					}
				}
			}
			for _, node := range append(grammar(t).Leaves(true), grammar(t).Node) {
				path := strings.Fields(strings.TrimPrefix(node.FullPath(), "pushd"))
				var commands, flags []string
				for _, child := range node.Children {
					commands = append(commands, child.Name)
				}
				for _, group := range node.AllFlags(true) {
					for _, f := range group {
						flags = append(flags, "--"+f.Name)
					}
				}
				want(append(slices.Clone(path), ""), commands...)
				want(append(slices.Clone(path), "--"), flags...)
			}
			want([]string{"job", ""}, "list", "pause", "events")
			want([]string{"completion", ""}, "bash", "zsh", "fish")
			want([]string{"serve", "--log-level", ""}, "debug", "error")
			if got := offer(t, file, []string{"hold", ""}); slices.Contains(got, "serve") {
				t.Errorf("hold is followed by %q", got)
			}
		})
	}
}

// grammar is the command line's.
func grammar(t *testing.T) *kong.Application {
	t.Helper()
	a := restart()
	parser, err := newParser(a, &commands{}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// The shell's own pushd completes directories, as before.
func TestCompletion_Builtin(t *testing.T) {
	file := script(t, "bash")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "somewhere"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := ask(t, "bash", "-c", `source "$1"; cd "$2"; COMP_WORDS=(pushd some); COMP_CWORD=1; _pushd_program pushd some pushd; printf '%s\n' "${COMPREPLY[@]}"`, "-", file, dir)
	if !slices.Equal(got, []string{"somewhere"}) {
		t.Errorf("offers %q", got)
	}
}
