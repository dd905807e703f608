package tokenclient

import (
	"testing"
	"time"
)

// A token that is doubted is asked for again and stays good if PHP gives it once
// more; a candidate takes its place at once.
func TestAccount_Doubted(t *testing.T) {
	now := time.Now()
	a := &account{appID: "wx"}
	a.take("one", time.Hour, 7000*time.Second, now, now)
	a.current = token{} // as Doubted does
	if !a.take("one", time.Hour, 7000*time.Second, now, now) || a.current.tok != "one" {
		t.Error("the doubted token is not taken again")
	}
	a.offer("two", time.Hour, 7000*time.Second, now)
	a.current = token{}
	if a.promote(now); a.current.tok != "two" {
		t.Errorf("current is %q, want the candidate", a.current.tok)
	}
}
