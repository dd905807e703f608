package main

import (
	"bytes"
	"sync"
)

// recentLines is how many lines of the log are kept in memory.
const recentLines = 1000

// recent keeps the last lines of the log for a support bundle. Each Write is a
// line.
type recent struct {
	mu    sync.Mutex
	lines [][]byte
	next  int // where the next line goes once all places are taken
}

// Write implements io.Writer.
func (r *recent) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := bytes.Clone(line)
	if len(r.lines) < recentLines {
		r.lines = append(r.lines, kept)
		return len(line), nil
	}
	r.lines[r.next] = kept
	r.next = (r.next + 1) % recentLines
	return len(line), nil
}

// text is what is kept, the oldest line first.
func (r *recent) text() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(bytes.Join(r.lines[r.next:], nil), bytes.Join(r.lines[:r.next], nil)...)
}
