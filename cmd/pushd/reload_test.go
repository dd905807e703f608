//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"pushd/internal/settings"
)

// restart is an app as it is after a start with these variables.
func restart(environ ...string) *app {
	a := &app{args: []string{"serve"}, environ: append(good(), environ...), problems: &settings.Problems{}, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	a.env = settings.NewEnvironment(nil, a.problems)
	return a
}

// The files are read again, with the same flags and variables; a pipe, which is
// empty by now, is not waited for.
func TestReread(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "key"), filepath.Join(dir, "pipe")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(goodKey)
	a := restart("PUSHD_API_KEY_FILE="+file, "PUSHD_RATE=7")
	if s, err := a.reread(); err != nil || string(s.APIKey) != goodKey || s.Rate != 7 {
		t.Errorf("%v, %v", s, err)
	}
	write("ops:" + goodKey + "-new")
	if s, err := a.reread(); err != nil || s.Keys()[0].Secret != goodKey+"-new" || s.Keys()[0].Name != "ops" {
		t.Errorf("%v, %v", s, err)
	}
	write("short")
	if _, err := a.reread(); err == nil || !strings.Contains(err.Error(), "PUSHD_API_KEY: key 1 has 5 characters") {
		t.Errorf("a bad key: %v", err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := restart("PUSHD_API_KEY_FILE=" + pipe).reread()
		read <- err
	}()
	select {
	case err := <-read:
		if err == nil || !strings.Contains(err.Error(), "is a pipe") {
			t.Errorf("a pipe: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("a pipe is waited for")
	}
}

// Every secret of the daemon can be given in place of another while it runs.
func TestSecrets_AreAll(t *testing.T) {
	before := secrets(settings.Settings{}, "a")
	for f := range settings.Fields(reflect.TypeFor[settings.Settings]()) {
		if _, secret := f.Tag.Lookup("secret"); !secret {
			continue
		}
		var s settings.Settings
		reflect.ValueOf(&s).Elem().FieldByIndex(f.Index).SetString("other")
		if reflect.DeepEqual(secrets(s, "a"), before) {
			t.Errorf("%s is not read again", f.Name)
		}
	}
}

// Whoever reloads under systemd and sees nothing change reads why in the log.
func TestCopies(t *testing.T) {
	for _, tc := range []struct {
		environ []string
		want    bool
	}{
		{nil, false},
		{[]string{"CREDENTIALS_DIRECTORY=/run/credentials/pushd.service"}, false},
		{[]string{"PUSHD_API_KEY_FILE=/etc/pushd/api-key", "CREDENTIALS_DIRECTORY=/run/credentials/pushd.service"}, false},
		{[]string{"PUSHD_API_KEY_FILE=/run/credentials/pushd.service/api-key", "CREDENTIALS_DIRECTORY=/run/credentials/pushd.service"}, true},
	} {
		if got := restart(tc.environ...).copies(); (got != "") != tc.want {
			t.Errorf("%v: %q", tc.environ, got)
		}
	}
}

// Goroutines go into the state directory, over those of the time before, or to
// where the log goes.
func TestWriteGoroutines(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	for range 2 {
		where, err := writeGoroutines(dir, &log)
		if err != nil || where != filepath.Join(dir, "goroutines.txt") || log.Len() > 0 {
			t.Fatalf("%s, %v, and %q", where, err, log.String())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "goroutines.txt"))
	if err != nil || !strings.Contains(string(text), "TestWriteGoroutines") {
		t.Errorf("%v: %s", err, text)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("in the directory: %v, %v", left, err)
	}
	if _, err := writeGoroutines("", &log); err != nil || !strings.Contains(log.String(), "TestWriteGoroutines") {
		t.Errorf("%v: %s", err, log.String())
	}
	if _, err := writeGoroutines(filepath.Join(dir, "none"), &log); err == nil {
		t.Error("no error without the directory")
	}
}
