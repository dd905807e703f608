package progress_test

import (
	"bytes"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/internal/progress"
)

func TestLine(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	eta, total := now.Add(95*time.Second), int64(1000000)
	for _, c := range []struct {
		job  client.Job
		want string
	}{
		{client.Job{State: "running"}, "[............................]   0% 0/? 0/s"},
		{client.Job{State: "running", Total: &total, Sent: 500000, Rate: 5263.2, ETA: &eta}, "[##############..............]  50% 500000/1000000 5263/s, 1m35s left"},
		{client.Job{State: "parked", Reason: "quota", Total: &total, Sent: 999999, Failed: 1}, "[############################] 100% 1000000/1000000 (1 not sent) parked (quota)"},
		{client.Job{State: "running", Total: &total, Walked: 1000010, Sent: 1000010}, "[############################] 100% 1000010/1000000 0/s"},
	} {
		if got := progress.Line(c.job, now); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestBar_Terminal(t *testing.T) {
	var b bytes.Buffer
	bar := &progress.Bar{W: &b, Terminal: true}
	bar.Show("one")
	bar.Note("news")
	bar.Show("two")
	bar.Close()
	if got := b.String(); got != "\rone\x1b[K\r\x1b[Knews\none\rtwo\x1b[K\n" {
		t.Errorf("drew %q", got)
	}
}

// Elsewhere than on a terminal a line is printed once, and no escapes.
func TestBar_Lines(t *testing.T) {
	var b bytes.Buffer
	bar := &progress.Bar{W: &b}
	for _, line := range []string{"one", "one", "two"} {
		bar.Show(line)
	}
	bar.Note("news")
	bar.Close()
	if got := b.String(); got != "one\ntwo\nnews\n" {
		t.Errorf("printed %q", got)
	}
}

// A text from outside cannot move the cursor.
func TestClean(t *testing.T) {
	if got := progress.Clean("a\x1b[2Jb\nc\u009bd名"); got != "a [2Jb c d名" {
		t.Errorf("got %q", got)
	}
}
