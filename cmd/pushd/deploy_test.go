package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pushd/internal/settings"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The example names every setting once, and no other; what it shows for those
// with a default is the default.
func TestEnvExample(t *testing.T) {
	example := readFile(t, "deploy/pushd.env.example")
	named := make(map[string]bool)
	var environ []string
	for _, m := range regexp.MustCompile(`(?m)^#?(PUSHD_\w+)=(.*)$`).FindAllStringSubmatch(example, -1) {
		name := m[1]
		if base, file := strings.CutSuffix(name, "_FILE"); file && settings.All()[base].Secret {
			name = base
		} else {
			environ = append(environ, name+"="+strings.Trim(m[2], `"`))
		}
		if named[name] {
			t.Errorf("%s is named twice", name)
		}
		named[name] = true
	}
	want := slices.Sorted(maps.Keys(settings.All()))
	if got := slices.Sorted(maps.Keys(named)); !slices.Equal(got, want) {
		t.Errorf("names %q\nwant  %q", got, want)
	}

	environ = slices.DeleteFunc(append(environ, good()[0]), func(e string) bool {
		return strings.HasPrefix(e, "PUSHD_TLS_") || strings.HasPrefix(e, "PUSHD_STATE_DIR=")
	})
	shown, _, err := load(nil, environ)
	if err != nil {
		t.Fatal(err)
	}
	defaults, _, err := load(nil, good())
	if err != nil {
		t.Fatal(err)
	}
	// These have no default, or one that depends on the machine.
	shown.TokenURL, shown.Instance = defaults.TokenURL, ""
	shown.ChannelQuery, shown.StatusUpdate, shown.AudienceQuery, shown.CallbackQuery, shown.DueQuery, shown.DueList, shown.QuietHours, shown.OnlyOpenIDs = "", "", "", "", "", "", "", nil
	if !reflect.DeepEqual(shown, defaults) {
		t.Errorf("shows\n%+v\nthe defaults are\n%+v", shown, defaults)
	}
}

// The unit gives a graceful stop the time it needs, and uses settings there
// are.
func TestSystemdUnit(t *testing.T) {
	unit := readFile(t, "deploy/pushd.service")
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(.*)$`).FindStringSubmatch(unit)
	if m == nil {
		t.Fatal("no TimeoutStopSec")
	}
	defaults, _, err := load(nil, good())
	if err != nil {
		t.Fatal(err)
	}
	if d, err := time.ParseDuration(m[1]); err != nil || d <= defaults.DrainTimeout {
		t.Errorf("TimeoutStopSec=%s is not longer than the drain, %v", m[1], defaults.DrainTimeout)
	}
	// What a Go program ends with when it crashes, 2, is no reason to stay down.
	if want := fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitUsage); exitUsage == 2 || !strings.Contains(unit, want) {
		t.Errorf("the unit has no line %q", want)
	}
	for _, line := range []string{
		"\nType=notify\n", "\nExecReload=/bin/sh -c 'kill -HUP $MAINPID'\n", "\nWatchdogSec=30s\n",
		"\nStateDirectory=pushd\n", "\nStateDirectoryMode=0700\n",
	} {
		if !strings.Contains(unit, line) {
			t.Errorf("the unit has no line %q", line)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^Environment=(PUSHD_\w+)_FILE=%d/(\S+)$`).FindAllStringSubmatch(unit, -1) {
		if !settings.All()[m[1]].Secret || !strings.Contains(unit, "\nLoadCredential="+m[2]+":") {
			t.Errorf("%s: no such secret, or no such credential", m[0])
		}
	}
}

// The unit for older systems is the other one but for how secrets and the state
// are handed over.
func TestSystemdUnit_Older(t *testing.T) {
	_, want, _ := strings.Cut(readFile(t, "deploy/pushd.service"), "\n[Unit]\n")
	_, got, _ := strings.Cut(readFile(t, "deploy/pushd-before-systemd-250.service"), "\n[Unit]\n")
	for _, r := range []struct{ pattern, text string }{
		{`# Copies, made at each start.*\n.*\n`, ""},
		{`LoadCredential=.*\n`, ""},
		{`%d/`, "/etc/pushd/"},
		{`DynamicUser=yes\n`, "User=pushd\nGroup=pushd\n"},
		{`recognised \(PUSHD_STATE_DIR\)\.\n`, "recognised. systemd 239 does not\n# say where StateDirectory= is.\n"},
		{`StateDirectoryMode=0700\n`, "StateDirectoryMode=0700\nEnvironment=PUSHD_STATE_DIR=/var/lib/pushd\n"},
	} {
		before := want
		if want = regexp.MustCompile(r.pattern).ReplaceAllString(want, r.text); want == before {
			t.Errorf("the unit has no %s", r.pattern)
		}
	}
	if got != want || got == "" {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
}
