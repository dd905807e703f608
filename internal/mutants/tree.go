package main

import (
	"io/fs"
	"slices"
	"strings"
)

// tree is a directory without what a copy does not need: hidden directories,
// built programs, and what is neither a file nor a directory.
type tree struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(t.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool {
		return strings.HasPrefix(e.Name(), ".") || name == "." && e.Name() == "bin" ||
			!e.IsDir() && !e.Type().IsRegular()
	}), err
}
