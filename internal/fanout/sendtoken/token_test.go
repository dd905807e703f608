package sendtoken

import (
	"testing"
	"time"

	"pushd"
)

// Before the first token has delivered anything, few sends are in flight; a renewal
// does not slow them down.
func TestToken_Gated(t *testing.T) {
	var tok Token
	if !tok.Use("a") || tok.Current() != "a" || !tok.Gated() || tok.Use("a") {
		t.Errorf("after the first token: %+v", tok)
	}
	if tok.Proven() || !tok.Delivered() || tok.Delivered() || !tok.Proven() || tok.Gated() {
		t.Errorf("after a delivery: %+v", tok)
	}
	if !tok.Use("b") || tok.Gated() || tok.Proven() {
		t.Errorf("after a renewal: %+v", tok)
	}
}

// Refusals of a token that was replaced say nothing of the new one, unless the old
// one was the account's own.
func TestToken_WasBefore(t *testing.T) {
	for _, delivered := range []bool{false, true} {
		var tok Token
		tok.Use("a")
		if delivered {
			tok.Delivered()
		}
		if tok.Use("b"); tok.WasBefore("a") == delivered {
			t.Errorf("a token that has delivered something (%t) is doubted: %+v", delivered, tok)
		}
	}
}

// A refusal outranks a look for a newer token.
func TestToken_Polls(t *testing.T) {
	var tok Token
	now := time.Unix(1000, 0)
	tok.Use("a")
	if !tok.PollDue(now) || tok.PollDue(now.Add(time.Hour)) {
		t.Error("two looks at once, or none")
	}
	if !tok.Polled("a") || tok.PollDue(now.Add(PollEvery-1)) || !tok.PollDue(now.Add(PollEvery)) {
		t.Error("the next look is not a second after the last")
	}
	if tok.Ask(); tok.Polled("a") || tok.PollDue(now.Add(time.Hour)) {
		t.Error("a look counts while another token is asked for")
	}
	if tok.Answered(); tok.Asking() || !tok.PollDue(now.Add(time.Hour)) {
		t.Error("the question stays open after its answer")
	}
	if tok.Use("b"); tok.Polled(pushd.Token("a")) {
		t.Error("the answer to a look counts that began with another token")
	}
}
