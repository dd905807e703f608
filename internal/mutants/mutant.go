package main

import (
	"fmt"
	"io/fs"
	"strings"
)

// mutant is a wrong version of pushd.
type mutant struct {
	name  string
	edits []edit
	tests []string // "package regexp", the cheapest first
}

// edit replaces a text that is in a file exactly once.
type edit struct{ file, old, new string }

// apply returns the files of a tree that a mistake changes, with their wrong
// texts. It is an error if a file does not hold the right text exactly once.
func (m mutant) apply(tree fs.FS) (wrong map[string]string, err error) {
	wrong = map[string]string{}
	for _, e := range m.edits {
		text, edited := wrong[e.file]
		if !edited {
			b, err := fs.ReadFile(tree, e.file)
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s has %d places like %q", e.file, n, e.old)
		}
		wrong[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return wrong, nil
}
