//go:build crashpoints

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pushd/internal/fanout"
)

// points ends this process at a point, for the crash tests (build tag
// crashpoints). CRASHPOINT is point:passing:how: at the n-th passing of the
// point the process kills itself (kill), panics (panic), or stops as SIGSTOP
// does (stop).
func points() func(fanout.Point) {
	name, rest, ok := strings.Cut(os.Getenv("CRASHPOINT"), ":")
	if !ok {
		return nil
	}
	passing, how, _ := strings.Cut(rest, ":")
	n, err := strconv.ParseInt(passing, 10, 64)
	if err != nil {
		panic("CRASHPOINT: " + err.Error())
	}
	var passed atomic.Int64
	return func(p fanout.Point) {
		if string(p) != name || passed.Add(1) != n {
			return
		}
		switch how {
		case "panic":
			panic("crash point " + name)
		case "stop":
			_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
		default:
			_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
			select {} // nothing more happens, however late the signal
		}
	}
}
