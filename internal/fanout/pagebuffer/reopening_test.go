package pagebuffer

import (
	"testing"

	"pushd"
)

// A page is sent to again once in a claim, and only if somebody on it is to be.
func TestReopening(t *testing.T) {
	row := pushd.Progress{Page: 1, People: 3, Counts: pushd.Counts{Sent: 2, Unknown: 1}}
	if NewReopening(pushd.AgainNobody).Wants(row) || NewReopening(pushd.AgainFailed).Wants(row) {
		t.Error("a page without a failure is fed to a retry of the failed")
	}
	r := NewReopening(pushd.AgainUnknown)
	if r.Fed(1, false); !r.Wants(row) || r.Of(1) != pushd.AgainUnknown {
		t.Error("a page is not fed to its end")
	}
	if r.Fed(1, true); r.Wants(row) || r.Of(1) != pushd.AgainNobody || r.Of(2) != pushd.AgainUnknown {
		t.Error("a page is fed again")
	}
}
