package php_test

import (
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// Each run that could look for what is due says so once, whatever it found.
func TestCron_Heartbeat(t *testing.T) {
	m := newManager(t, accepted)
	heard := func(when string, code, want int) phptest.Run {
		t.Helper()
		run := m.run(t, code)
		if n := m.pushd.heard(); n != want {
			t.Errorf("%s: %d heartbeats, want %d", when, n, want)
		}
		return run
	}
	if run := heard("nothing is due", 0, 1); run.Stdout+run.Stderr != "" {
		t.Errorf("%q %q", run.Stdout, run.Stderr)
	}
	m.channel(t, 1, 1, in(5), 15)
	heard("a reminder is due", 0, 1)
	m.want(t, 1)
	m.pushd.set(func(posted) reply { return problem(409, "already_notified") })
	heard("it is refused", 0, 1)
	m.later(t)
	m.pushd.set(func(posted) reply {
		return reply{status: 503, body: map[string]any{"code": "unavailable"}, after: "30"}
	})
	heard("pushd has no database", 1, 1)
	heard("pushd has asked for a pause", 1, 1)
	m.want(t, 1, 1)
	m.later(t)
	m.pushd.set(accepted)
	m.exec(t, "RENAME TABLE activity_detail TO gone")
	heard("it can't be read what is due", 1, 0)
}

// A heartbeat that fails stops no post and changes no exit code.
func TestCron_HeartbeatFails(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	for status, said := range map[int]string{404: "", 503: "", 500: "heartbeat: HTTP 500"} {
		m.pushd.failBeats(status)
		run := m.run(t, 0)
		m.want(t, 1)
		if strings.Count(run.Stdout, "\n") != 1 || !strings.Contains(run.Stderr, said) || (said == "") != (run.Stderr == "") {
			t.Errorf("%d: %q %q", status, run.Stdout, run.Stderr)
		}
	}
}
