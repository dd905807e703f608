package main

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pushd"
	"pushd/api/client"
)

// No line is longer than the terminal is wide, and what matters most is on the
// narrowest.
func TestTop_Widths(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { m := now.Add(d); return &m }
	total := int64(1000)
	table := table{now: now, hold: client.Hold{Held: true, Reason: "wrong text", By: "ops", Since: at(-time.Minute)}, jobs: []client.Job{
		{ID: "k3v9x0a1b2c3d4e5f6g7", ActID: 42, AppID: "wx0123456789abcdef", State: pushd.Running, Total: &total, Sent: 500, Rate: 250, ETA: at(2 * time.Hour), Deadline: at(time.Hour)},
		{ID: "j", ActID: 43, AppID: "wx2", State: pushd.Parked, Reason: pushd.WeChatDown, Detail: "错误 \x1b[31m"},
	}}
	for _, width := range []int{1, 20, 40, 50, 60, 80, 100, 140} {
		lines := table.lines(width, 24)
		for _, line := range lines {
			if utf8.RuneCountInString(line) > width || strings.Contains(line, "\x1b") {
				t.Errorf("%d characters: %q", width, line)
			}
		}
		if text := strings.Join(lines, "\n"); width >= 40 && (!strings.Contains(text, "k3v9x0a1") || !strings.Contains(text, " 50%") || !strings.Contains(text, "HELD") || !strings.Contains(text, "LATE")) {
			t.Errorf("%d characters:\n%s", width, text)
		}
	}
	wide := strings.Join(table.lines(140, 24), "\n")
	for _, want := range []string{"k3v9x0a1b2c3d4e5f6g7", "wx0123456789abcdef", "[#####.....]  50%", "250/s", "2h00m", "1h00m", "LATE running", "parked (wechat_down): 错误", "1 running", "by ops: wrong text"} {
		if !strings.Contains(wide, want) {
			t.Errorf("no %q in\n%s", want, wide)
		}
	}
	table.jobs = append(table.jobs, table.jobs...)
	table.jobs = append(table.jobs, table.jobs...)
	if lines := table.lines(80, 7); len(lines) > 7 || !strings.Contains(lines[len(lines)-1], "and 5 more") {
		t.Errorf("8 jobs on 7 lines: %q", lines)
	}
}

func TestTop_Once(t *testing.T) {
	api := &fakeAPI{answers: []answer{
		{200, `{"items":[{"id":"j1","state":"queued","reason":"held","deadline":"2026-01-02T03:04:05Z"}],"nextCursor":"c"}`},
		{200, `{"items":[{"id":"j2","state":"running","total":10,"sent":10}],"nextCursor":null}`},
		{200, `{"held":false,"accounts":[{"appid":"wx9","reason":"48004","by":"a"}]}`},
	}}
	server := httptest.NewServer(api)
	defer server.Close()
	var out bytes.Buffer
	code := run(t.Context(), heard{}, []string{"top", "--appid=wx1"}, []string{"PUSHD_SERVER=" + server.URL, "PUSHD_API_KEY=" + goodKey}, strings.NewReader(""), &out, &out)
	text := out.String()
	if code != exitOK || strings.Index(text, "j2") > strings.Index(text, "j1") || !strings.Contains(text, "queued (held)") || !strings.Contains(text, "account wx9 is held") {
		t.Errorf("code %d, said %s", code, text)
	}
	if len(api.asked) != 3 || api.asked[1] != "GET /v1/jobs?appid=wx1&cursor=c&limit=200&state=queued%2Crunning%2Cpaused%2Cparked" || api.asked[2] != "GET /v1/hold" {
		t.Errorf("asked %q", api.asked)
	}
}

func TestAwaitQuit(t *testing.T) {
	awaitQuit(strings.NewReader("xyq"))
	awaitQuit(strings.NewReader("\x03"))
}
