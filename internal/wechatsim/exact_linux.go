package wechatsim

import (
	"syscall"
	"time"
)

// timersAreLate is more than Go's timers are late: the runtime waits for them
// in whole milliseconds.
const timersAreLate = 1500 * time.Microsecond

// sleepUntil sleeps in the kernel, in a thread of its own, which is late by
// some 60 microseconds. It is for the last bit of a wait.
func sleepUntil(end time.Time) {
	if d := time.Until(end) - 60*time.Microsecond; d > 0 {
		t := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&t, nil)
	}
}
