package doctor

import (
	"bytes"
	"strings"
	"testing"

	"pushd"
)

func TestCheckCounter(t *testing.T) {
	kept := pushd.Counter{Installation: "a", Value: 105, At: 1_900_000_000e6}
	for _, tc := range []struct {
		found pushd.Counter
		want  string
	}{
		{pushd.Counter{Installation: "a", Value: 105, At: 1_900_000_000e6}, "ok    state: the database has not gone back; its counter is 105"},
		{pushd.Counter{Installation: "a", Value: 106, At: 1_900_000_003e6}, "ok    state: "},
		{pushd.Counter{Installation: "a", Value: 104, At: 1_899_999_000e6}, "warn  state: the database went back: its counter is 104 of 2030-03-17T17:30:00Z, that in PUSHD_STATE_DIR 105 of 2030-03-17T17:46:40Z"},
		{pushd.Counter{Installation: "b", Value: 200}, "warn  state: the counter in PUSHD_STATE_DIR is of another installation"},
		{pushd.Counter{}, "warn  state: the counter in PUSHD_STATE_DIR is of another installation"},
	} {
		var out bytes.Buffer
		checkCounter(&report{w: &out}, kept, pushd.Installation{Counter: tc.found})
		if !strings.HasPrefix(out.String(), tc.want) {
			t.Errorf("%+v: %s", tc.found, out.String())
		}
	}
}
