// Package systemd says to the service manager how the daemon does: that it is
// ready, reads its secrets again, stops, and is alive (sd_notify(3)). Where no
// service manager wants to know, which NOTIFY_SOCKET says, nothing happens.
package systemd

import (
	"context"
	"log/slog"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// Manager is the service manager that has started this process, if one has.
type Manager struct{ log *slog.Logger }

// NewManager returns the service manager; what it can't be sent is logged.
func NewManager(log *slog.Logger) Manager { return Manager{log} }

// Ready says that the process does what it is for, or does so again after
// Reloading.
func (m Manager) Ready() { m.say(sd.SdNotifyReady) }

// Reloading says that the secrets are read again. Ready ends that. A unit with
// Type=notify-reload wants to know when it began.
func (m Manager) Reloading() { m.say(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec()) }

// Stopping says that an orderly stop has begun.
func (m Manager) Stopping() { m.say(sd.SdNotifyStopping) }

// Status shows a line in systemctl status.
func (m Manager) Status(line string) { m.say("STATUS=" + line) }

// Watch keeps the watchdog of the unit (WatchdogSec=) quiet while alive says so,
// until ctx ends. Without a watchdog it returns at once.
func (m Manager) Watch(ctx context.Context, alive func() bool) {
	patience, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("the unit's watchdog can't be served", "err", err)
		return
	}
	if patience == 0 {
		return
	}
	t := time.NewTicker(patience / 3)
	defer t.Stop()
	was := true
	for {
		is := alive()
		if is {
			m.say(sd.SdNotifyWatchdog)
		} else if was {
			m.log.Error("the engine stands still; the watchdog will end this process", "within", patience)
		}
		was = is
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (m Manager) say(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		m.log.Warn("the service manager does not take the state", "err", err)
	}
}
