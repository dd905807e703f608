package listing

import "testing"

func TestList(t *testing.T) {
	l := New(false)
	l.ReadBy("a")
	if l.ReadBy("a"); !l.AllBy("a") || l.AllBy("b") {
		t.Error("read by one token")
	}
	if l.ReadBy("b"); l.AllBy("a") || l.AllBy("b") {
		t.Error("read by two tokens, and one of them counts as the list's")
	}
	if l.Proved("b"); !l.Proven("b") || l.Proven("a") {
		t.Error("b is the account's")
	}
	l.Forget()
	if l.ReadBy("c"); !l.AllBy("c") || !l.Proven("b") {
		t.Error("of a list that was forgotten something is left, or of the token nothing")
	}
}

// Who read what an earlier claim has stored is not known.
func TestList_OfAnEarlierClaim(t *testing.T) {
	l := New(true)
	if l.ReadBy("a"); l.AllBy("a") {
		t.Error("a part is taken for the whole")
	}
}
