package console

import (
	"testing"
	"time"

	"pushd"
)

// A chart has a column for each minute, as high as its answers, with the kinds on top
// of each other; a few answers among many are seen, and a minute that is not over
// counts by what has passed of it.
func TestHourOf(t *testing.T) {
	begin := time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
	minutes := make([]pushd.Minute, 60)
	for i := range minutes {
		minutes[i].At = begin.Add(time.Duration(i) * time.Minute)
	}
	minutes[10].Answers[pushd.Sent] = 600
	minutes[10].Answers[pushd.Skip] = 300
	minutes[10].Answers[pushd.Other] = 100
	minutes[20].Answers[pushd.Sent] = 500
	minutes[20].Answers[pushd.Slower] = 1
	minutes[59].Answers[pushd.Sent] = 30
	c := hourOf(minutes, minutes[59].At.Add(3*time.Second))
	if c.Empty || c.Total.Total != 1531 || c.Total.Of != [3]int64{1130, 400, 1} || !c.Peak.From.Equal(minutes[10].At) {
		t.Errorf("in all %+v, the busiest %+v", c.Total, c.Peak)
	}
	want := []column{
		{"sent", 100, 40, 60, 8}, {"skipped", 100, 0, 40, 8},
		{"sent", 200, 50, 50, 8}, {"trouble", 200, 49, 1, 8},
		{"sent", 590, 97, 3, 8},
	}
	if len(c.Columns) != len(want) {
		t.Fatalf("columns %v", c.Columns)
	}
	for i, w := range want {
		if c.Columns[i] != w {
			t.Errorf("column %d: %v, want %v", i, c.Columns[i], w)
		}
	}
	if got := c.Spans[59].PerSecond(); got != 10 {
		t.Errorf("the minute under way: %v/s", got)
	}
	if fives := c.Fives(); len(fives) != 12 || fives[0].Total != 30 || fives[9].Total != 1000 {
		t.Errorf("by fives %v", fives)
	}
	if c := hourOf(make([]pushd.Minute, 60), begin); !c.Empty || len(c.Columns) != 0 {
		t.Errorf("of nothing %v", c.Columns)
	}
	for v := range pushd.Verdicts() {
		if pushd.Verdict(v) != pushd.Sent && kindOf[v] == 0 {
			t.Errorf("%s counts as accepted", pushd.Verdict(v))
		}
	}
}
