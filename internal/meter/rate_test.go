package meter

import (
	"testing"
	"time"
)

func TestRateWindow(t *testing.T) {
	var w Rate
	start := time.Unix(1_000_000, 0)
	if got := w.PerSecond(start); got != 0 {
		t.Errorf("nothing sent: %v", got)
	}
	for i := range 300 { // 20 a second for 15 seconds
		w.Add(start.Add(time.Duration(i) * 50 * time.Millisecond))
	}
	if got := w.PerSecond(start.Add(15*time.Second - time.Millisecond)); got < 19 || got > 21 {
		t.Errorf("20 a second: %v", got)
	}
	if got := w.PerSecond(start.Add(20 * time.Second)); got > 11 {
		t.Errorf("five seconds after the end: %v", got)
	}
	if got := w.PerSecond(start.Add(26 * time.Second)); got != 0 {
		t.Errorf("long after the end: %v", got)
	}
}
