package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// writeGoroutines writes what each goroutine does into a file of the state
// directory, over the one before; or without such a directory, goroutines that do
// the same put together, to w. It says where that is.
func writeGoroutines(dir string, w io.Writer) (where string, err error) {
	if dir == "" {
		return "here", pprof.Lookup("goroutine").WriteTo(w, 1)
	}
	f, err := os.CreateTemp(dir, "goroutines.new-*")
	if err != nil {
		return "", err
	}
	where = filepath.Join(dir, "goroutines.txt")
	if err = errors.Join(pprof.Lookup("goroutine").WriteTo(f, 2), f.Close()); err == nil {
		err = os.Rename(f.Name(), where)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return where, nil
}
