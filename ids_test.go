package pushd_test

import (
	"strings"
	"testing"

	"pushd"
)

// What is decided at a limit: at it, and one beyond it.
func TestOpenID_Plausible(t *testing.T) {
	for id, want := range map[string]bool{
		"oAbc-_9": true, "": false, "!": true, "~": true, "a b": false, "a\x1f": false, "a\x7f": false, "é": false,
		strings.Repeat("o", 128): true, strings.Repeat("o", 129): false,
	} {
		if pushd.OpenID(id).Plausible() != want {
			t.Errorf("%.20q: %t", id, !want)
		}
	}
}
