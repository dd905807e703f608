//go:build !linux

package wechatsim

import "time"

const timersAreLate = 0

// sleepUntil has no better clock here.
func sleepUntil(time.Time) {}
