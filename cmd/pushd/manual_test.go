package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"pushd/internal/settings"
)

var update = flag.Bool("update", false, "rewrite deploy/pushd.1")

const manual = "deploy/pushd.1"

// The man page says what --help says: go test ./cmd/pushd -run Manual -update
// writes it.
func TestManual(t *testing.T) {
	page := manualPage(t)
	if *update {
		if err := os.WriteFile("../../"+manual, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if readFile(t, manual) != page {
		t.Errorf("%s is not what the command line is now: go test ./cmd/pushd -run Manual -update", manual)
	}
}

// manualPage makes the man page of the command line's model.
func manualPage(t *testing.T) string {
	t.Helper()
	a := &app{problems: &settings.Problems{}, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	a.env = settings.NewEnvironment(nil, a.problems)
	parser, err := newParser(a, &commands{}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	p := page{env: a.env}
	p.line(`.\" Made of the command line's help texts by TestManual; do not edit.`)
	p.line(`.TH PUSHD 1 "" pushd "pushd"`)
	p.section("NAME", `pushd \- remind the followers of WeChat accounts of a live stream`)
	p.section("SYNOPSIS", `.B pushd`, `.I command`, `.RI [ flags ]`)
	p.section("DESCRIPTION", text(parser.Model.Help),
		"PHP asks it to, over HTTP; it keeps its ledger in the platform's MySQL or MariaDB database.",
		`.PP`, "bash and zsh have a builtin of the same name: write the whole path, or use an alias.",
		`.PP`, "Each setting is a flag and an environment variable, of which the flag wins. [_FILE] is the name of a file that holds the secret.")
	p.section("COMMANDS")
	for _, node := range parser.Model.Leaves(true) {
		p.command(node)
	}
	p.section("EXIT STATUS", `.TP`, `.B 0`, "Done.", `.TP`, `.B 1`, "Failed.", `.TP`, fmt.Sprintf(`.B %d`, exitUsage), "Wrong settings or flags, which a restart can't repair.")
	p.section("FILES", `.TP`, `.I /etc/pushd/pushd.env`, "Settings, which the unit reads.",
		`.TP`, `.IR /etc/pushd/mysql\-dsn ", " /etc/pushd/api\-key ", " /etc/pushd/token\-key`, "Secrets, which the unit hands over.",
		`.TP`, `.I /var/lib/pushd`, "The counter by which a database that was restored from a copy is recognised.")
	p.section("SEE ALSO", `.I /usr/share/doc/pushd/docs/operations.md`)
	return p.b.String()
}

// page is a man page that is being written.
type page struct {
	b   strings.Builder
	env *settings.Environment
}

func (p *page) line(text string) { p.b.WriteString(text + "\n") }

func (p *page) section(title string, lines ...string) {
	p.line(".SH " + title)
	for _, l := range lines {
		p.line(l)
	}
}

// command writes one command with its flags. The settings of the daemon, which
// other commands take, too, stand there once.
func (p *page) command(node *kong.Node) {
	p.line(`.SS "` + text(node.FullPath()) + `"`)
	p.line(text(node.Help))
	own := node.Name == "serve"
	left := false
	for _, f := range node.Flags {
		if _, isSetting := p.env.Known[settings.EnvName(f.Name)]; isSetting && !own && !p.remote(f) && f.Name != "migrate-dsn" {
			left = true
			continue
		}
		p.line(`.TP`)
		p.line(`.B ` + text(f.String()))
		p.line(text(help(p.env, f.Value)))
	}
	if left {
		p.line(`.PP`)
		p.line(`It takes settings of pushd serve as well; \-\-help lists them.`)
	}
}

// remote says whether a setting is one of those by which a running pushd is
// reached.
func (p *page) remote(f *kong.Flag) bool {
	return f.Name == "server" || f.Name == "ca" || f.Name == "api-key" && f.PlaceHolder == "KEY"
}

// text is a text that roff shows as it is.
func text(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}
