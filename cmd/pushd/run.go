package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/alecthomas/kong"

	"pushd/api/client"
	"pushd/internal/settings"
)

// The exit codes. A service manager should start pushd again after a failure,
// but not after settings that no restart can correct. Those have the code that
// sysexits.h calls EX_CONFIG, and not the usual 2: a Go program that crashes
// ends with 2, and must be started again at once.
const (
	exitOK          = 0
	exitFailed      = 1
	exitNotFound    = 3 // what was asked for is not there
	exitRefused     = 4 // pushd has understood, and does not do it
	exitUnreachable = 5 // no answer, or pushd can't serve now: try again
	exitUsage       = 78
)

// errSilent ends a command with exitFailed when it has said why already.
var errSilent = errors.New("failed")

// commands is the grammar of the command line.
type commands struct {
	Serve   serveCmd   `cmd:"" help:"Run the daemon."`
	Migrate migrateCmd `cmd:"" help:"Make or update pushd's tables."`
	Check   checkCmd   `cmd:"" help:"Check settings, address, database, token endpoint and WeChat."`
	Job     jobCmd     `cmd:"" help:"Look at and command the jobs of a running pushd."`
	Hold    holdCmd    `cmd:"" help:"Stop everything, or one account, until an operator lifts it."`
	Refusal refusalCmd `cmd:"" help:"Recipients who have refused a template, and are left alone."`
	Top     topCmd     `cmd:"" help:"Show the jobs that have not ended, again and again; q quits."`
	Version versionCmd `cmd:"" help:"Print the version."`

	Completion completionCmd `cmd:"" help:"Print the completion of a shell: bash, zsh or fish."`

	Healthcheck healthcheckCmd `cmd:"" help:"Ask the pushd on this machine how it does; exit code 0 unless it is down. For HEALTHCHECK of a container."`

	// ShowVersion is what is tried first.
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// app is what the commands have of the world.
type app struct {
	ctx      context.Context
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	env      *settings.Environment
	problems *settings.Problems

	heard         heard
	args, environ []string // to read the settings again by
}

// settled ends a command whose settings are not usable, with all that is
// wrong with them.
func (a *app) settled(validate ...func(*settings.Problems)) error {
	for _, v := range validate {
		v(a.problems)
	}
	return a.problems.Err()
}

// usage is the error of a command line that asks for nothing sensible.
type usage string

func (u usage) Error() string { return string(u) }

// run is the whole program short of signals and exit. It returns the exit
// code.
func run(ctx context.Context, h heard, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, problems: &settings.Problems{}, heard: h, args: args, environ: environ}
	a.env = settings.NewEnvironment(environ, a.problems)
	exit := -1
	parser, err := newParser(a, &commands{}, func(code int) { exit = code })
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help was asked for, and is printed
		return exit
	}
	if err != nil {
		return fail(stderr, exitUsage, fmt.Errorf("%w; see pushd --help", err))
	}
	if parsed.Command() != "serve" {
		h.leave()
	}
	return conclude(stderr, parsed.Run(a))
}

// newParser makes the command line's parser, which fills in c.
func newParser(a *app, c *commands, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("pushd"),
		kong.Description("Reminds the followers of WeChat accounts that a stream is about to start."),
		kong.Vars{"version": version()},
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(exit),
		kong.Resolvers(a.env),
		kong.PostBuild(func(k *kong.Kong) error { return decodeSettings(k, a) }),
		kong.ValueFormatter(func(v *kong.Value) string { return help(a.env, v) }),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true}),
	)
}

// decodeSettings gives all settings to the decoder, which does not stop at
// the first mistake.
func decodeSettings(k *kong.Kong, a *app) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			if _, known := a.env.Known[settings.EnvName(flag.Name)]; known {
				flag.Mapper = settings.Decoder{Problems: a.problems}
			}
		}
		return next(nil)
	})
}

// help adds the environment variable and the limits to a flag's help.
func help(env *settings.Environment, v *kong.Value) string {
	name := settings.EnvName(v.Name)
	known, ok := env.Known[name]
	if !ok || v.Flag == nil {
		return v.Help
	}
	if known.Secret {
		name += "[_FILE]"
	}
	text := v.Help + " ($" + name
	if v.Tag.Get("min") != "" {
		text += settings.Allowed(v.Tag.Get)
	}
	return text + ")"
}

// conclude turns a command's error into an exit code.
func conclude(stderr io.Writer, err error) int {
	var bad *settings.Error
	var odd usage
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSilent):
		return exitFailed
	case errors.As(err, &bad), errors.As(err, &odd):
		return fail(stderr, exitUsage, err)
	default:
		return fail(stderr, exitCode(err), withAdvice(err))
	}
}

// exitCode tells what a running pushd has answered apart.
func exitCode(err error) int {
	switch status := client.Status(err); {
	case client.Code(err) == client.CodeNotPushd && status < 500:
		return exitFailed // who knows whose answer that is
	case status == http.StatusNotFound, status == http.StatusGone:
		return exitNotFound
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests:
		return exitRefused
	case client.Unreachable(err):
		return exitUnreachable
	}
	return exitFailed
}

func fail(stderr io.Writer, code int, err error) int {
	fmt.Fprintf(stderr, "pushd: %v\n", err)
	return code
}

// hostname names this machine, or "unknown".
func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}
