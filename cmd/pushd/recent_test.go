package main

import (
	"fmt"
	"strings"
	"testing"
)

// The last lines are kept in order, and no more of them.
func TestRecent(t *testing.T) {
	var r recent
	for i := range recentLines + 3 {
		fmt.Fprintf(&r, "line %d\n", i)
		if i == 1 && string(r.text()) != "line 0\nline 1\n" {
			t.Errorf("two lines: %q", r.text())
		}
	}
	lines := strings.Split(strings.TrimSpace(string(r.text())), "\n")
	if len(lines) != recentLines || lines[0] != "line 3" || lines[recentLines-1] != fmt.Sprintf("line %d", recentLines+2) {
		t.Errorf("%d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}
