package main

import (
	"bytes"
	"strings"
	"testing"

	"pushd/internal/fanout"
)

func TestCheckCounter(t *testing.T) {
	kept := fanout.Counter{Installation: "a", Value: 105, At: 1_900_000_000e6}
	for _, tc := range []struct {
		found fanout.Counter
		want  string
	}{
		{fanout.Counter{Installation: "a", Value: 105, At: 1_900_000_000e6}, "ok    state: the database has not gone back; its counter is 105"},
		{fanout.Counter{Installation: "a", Value: 106, At: 1_900_000_003e6}, "ok    state: "},
		{fanout.Counter{Installation: "a", Value: 104, At: 1_899_999_000e6}, "warn  state: the database went back: its counter is 104 of 2030-03-17T17:30:00Z, that in PUSHD_STATE_DIR 105 of 2030-03-17T17:46:40Z"},
		{fanout.Counter{Installation: "b", Value: 200}, "warn  state: the counter in PUSHD_STATE_DIR is of another installation"},
		{fanout.Counter{}, "warn  state: the counter in PUSHD_STATE_DIR is of another installation"},
	} {
		var out bytes.Buffer
		checkCounter(&report{w: &out}, kept, fanout.Installation{Counter: tc.found})
		if !strings.HasPrefix(out.String(), tc.want) {
			t.Errorf("%+v: %s", tc.found, out.String())
		}
	}
}
