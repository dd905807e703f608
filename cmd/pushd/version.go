package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set by the linker (see Makefile); without it the version is what
// the Go command noted in the binary.
var release string

// versionCmd prints what this binary is.
type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(a *app) error {
	fmt.Fprintln(a.stdout, version())
	return nil
}

// version is one line: version, revision, Go and platform.
func version() string {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		revision = vcs(info)
	}
	return fmt.Sprintf("pushd %s, revision %s, %s %s/%s", versionNumber(), revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// versionNumber is the version alone.
func versionNumber() string {
	if info, ok := debug.ReadBuildInfo(); release == "" && ok {
		return info.Main.Version
	}
	return release
}

// vcs names the commit that the binary was made from.
func vcs(info *debug.BuildInfo) string {
	revision, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	return revision + changed
}
