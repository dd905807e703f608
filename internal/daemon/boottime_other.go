//go:build !linux

package daemon

import "time"

// boottime is the wall clock where there is no CLOCK_BOOTTIME: unlike Go's
// monotonic clock it counts a suspend on every system.
func boottime() time.Duration { return time.Duration(time.Now().UnixNano()) }
