package compose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd"
)

const start = 1772366400

// counting is a source whose message counts the minutes wherever one can.
func counting(before time.Duration) Source {
	thirty := int64(30)
	return Source{
		Asked: pushd.Asked{TemplateID: "t", URL: "{{url}}&left={{minutes}}", MiniProgram: &pushd.MiniProgram{AppID: "wx1", PagePath: "pages/live?left={{minutes}}"},
			Data: map[string]string{"thing1": "还有{{minutes}}分钟：{{title}}", "number2": "{{minutes}}", "thing3": "{{title}}"}},
		Facts: Facts{Channel: pushd.Channel{Title: "a {{minutes}}", WatchURL: "https://x.example/?a=1", StartTime: start, NotifyMinutes: &thirty},
			Location: time.UTC, Now: pushd.Time(start * 1e6).Add(-before)},
	}
}

// A letter says how many minutes are left when it leaves, wherever the message
// counts them, and in nothing else does it differ from the first. It is made once
// for a minute.
func TestLetters_CountTheMinutes(t *testing.T) {
	m, err := counting(25 * time.Minute).Render()
	if err != nil {
		t.Fatal(err)
	}
	l := NewLetters(m, "id", time.UTC)
	seen := map[string]bool{}
	var last *pushd.Letter
	for at := -25 * time.Minute; at <= 5*time.Minute; at += 500 * time.Millisecond {
		letter := l.At(pushd.Time(start * 1e6).Add(at))
		want := counting(-at)
		want.Facts.Title = "a {{minutes}}"
		made, err := want.Render()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(letter.Tail); got != string(made.Letter("id").Tail) {
			t.Fatalf("%s from the start it says\n%s, want\n%s", at, got, made.Letter("id").Tail)
		}
		if seen[string(letter.Tail)] && letter != last {
			t.Errorf("%s from the start the same letter is made again", at)
		}
		last, seen[string(letter.Tail)] = letter, true
	}
	if n := len(seen); n != 25+2 { // 25 to 1, none left, begun
		t.Errorf("%d letters in half an hour", n)
	}
	if !strings.Contains(string(l.At(pushd.Time((start-61)*1e6)).Tail), "id") {
		t.Error("no client_msg_id")
	}
}

// The last instant of a minute still counts as that minute, and the first of the next
// does not.
func TestLetters_TurnWithTheMinute(t *testing.T) {
	m, err := counting(25 * time.Minute).Render()
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []int64{20, 2, 1} {
		l := NewLetters(m, "id", time.UTC)
		turn := pushd.Time((start - 60*left) * 1e6)
		for _, c := range []struct {
			at   pushd.Time
			want int64
		}{{turn - 1, left + 1}, {turn, left}, {turn + 1, left}, {turn + 60e6 - 1, left}} {
			if got := string(l.At(c.at).Tail); !strings.Contains(got, fmt.Sprintf("还有%d分钟", c.want)) {
				t.Errorf("%d µs after %d minutes are left: %s", c.at-turn, left, got)
			}
		}
	}
}

// A message that counts nothing is encoded once for the whole job.
func TestLetters_OneForTheWholeJob(t *testing.T) {
	src := counting(25 * time.Minute)
	src.Asked = pushd.Asked{TemplateID: "t", Data: map[string]string{"thing1": "{{title}} {{startTime}}"}}
	m, err := src.Render()
	if err != nil || m.Countdown != nil {
		t.Fatal(m, err)
	}
	l := NewLetters(m, "id", time.UTC)
	if first := l.At(1); first != l.At(start*1e6) || first != l.At(2*start*1e6) {
		t.Error("it is encoded again")
	}
}
