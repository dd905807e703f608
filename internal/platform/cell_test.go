package platform

import (
	"math"
	"strings"
	"testing"
	"time"
)

// The limits of what a cell may hold, without a database: what types columns
// have is for TestChannel_ReadsAnyColumnType.
func TestCell_Limits(t *testing.T) {
	east := time.FixedZone("", 8*60*60)
	moment := func(v any, kind string) (int64, error) { return cell{value: v, kind: kind}.moment(east) }
	for name, c := range map[string]struct {
		value any
		kind  string
		want  int64
		bad   string // in the refusal
	}{
		"NULL":                       {nil, "", 0, ""},
		"zero date":                  {"0000-00-00 00:00:00", "DATETIME", 0, ""},
		"number":                     {int64(1800000000), "INT", 1800000000, ""},
		"fraction, rounded down":     {"1800000000.9", "DECIMAL", 1800000000, ""},
		"below one is not unknown":   {"0.5", "DECIMAL", 1, ""},
		"exactly one":                {"1", "DECIMAL", 1, ""},
		"exactly zero":               {"0", "DECIMAL", 0, ""},
		"a little below zero":        {"-0.5", "DECIMAL", -1, ""},
		"too large":                  {"1e30", "DOUBLE", 0, "no time of a stream"},
		"as large as can be":         {float64(1 << 62), "DOUBLE", 1 << 62, ""},
		"date and time in the zone":  {"2026-03-01 20:00:00", "VARCHAR", time.Date(2026, 3, 1, 20, 0, 0, 0, east).Unix(), ""},
		"with a fraction":            {"2026-03-01 20:00:00.5", "VARCHAR", time.Date(2026, 3, 1, 20, 0, 0, 0, east).Unix(), ""},
		"with an offset":             {"2026-03-01T20:00:00Z", "VARCHAR", time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC).Unix(), ""},
		"to the minute":              {"2026-03-01 20:00", "VARCHAR", time.Date(2026, 3, 1, 20, 0, 0, 0, east).Unix(), ""},
		"ten characters, one dash":   {"1800000-00", "VARCHAR", 0, "no time"},
		"a date in text":             {"2026-03-01", "VARCHAR", 0, "without the time of day"},
		"a date by its type":         {time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "DATE", 0, "without the time of day"},
		"DATETIME without a zone":    {time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC), "DATETIME", time.Date(2026, 3, 1, 20, 0, 0, 0, east).Unix(), ""},
		"a time with another offset": {time.Date(2026, 3, 1, 20, 0, 0, 0, time.FixedZone("", 3600)), "", time.Date(2026, 3, 1, 19, 0, 0, 0, time.UTC).Unix(), ""},
		"FLOAT":                      {float32(1.8e9), "FLOAT", 0, "FLOAT"},
		"words":                      {"tomorrow", "VARCHAR", 0, "no time"},
	} {
		got, err := moment(c.value, c.kind)
		if c.bad == "" && (err != nil || got != c.want) || c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	for value, want := range map[any]any{
		int64(7): int64(7), "": nil, " 8 ": int64(8), "7.0": int64(7), "1e3": int64(1000),
		"7.5": "no whole number", "0x1F": "no whole number", "9007199254740992": int64(1 << 53), "9007199254740994": "no whole number",
		"-9007199254740992": int64(-1 << 53), "NaN": "no whole number", math.Inf(1): "no whole number",
	} {
		n, err := cell{value: value}.whole()
		switch want := want.(type) {
		case nil:
			if n != nil || err != nil {
				t.Errorf("%v: %v, %v", value, n, err)
			}
		case int64:
			if err != nil || n == nil || *n != want {
				t.Errorf("%v: %v, %v", value, n, err)
			}
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v", value, err)
			}
		}
	}
	for value, want := range map[any]string{float64(0.1): "0.1", float32(0.1): "0.1", float64(1e21): "1000000000000000000000", true: "1", false: "0", uint64(math.MaxUint64): "18446744073709551615"} {
		if got := (cell{value: value}).plain(); got != want {
			t.Errorf("%v is %q, want %q", value, got, want)
		}
	}
	if got := (cell{value: []byte{1, 0}, kind: "BIT"}).plain(); got != "256" {
		t.Errorf("BIT(9) is %s", got)
	}
	if got, want := (cell{value: "密码", kind: ""}).what(), "a value of 6 bytes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (cell{value: "abc", kind: "VARCHAR"}).what(), "a VARCHAR of 3 bytes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The limits of a channel's columns.
func TestChannelRow_Limits(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	last := now.Add(startAhead).Unix()
	row := func(column string, value any) *channelRow {
		return &channelRow{cells: map[string]cell{column: {value: value}}, zone: time.UTC, now: now}
	}
	for value, ok := range map[int64]bool{0: true, startMin: true, startMin - 1: false, last: true, last + 1: false, -1: false} {
		if r := row("start_time", value); (r.start("start_time") == value && r.bad == nil) != ok {
			t.Errorf("start %d: %v", value, r.bad)
		}
	}
	sec := now.Unix()
	for at, unitOf := range map[int64]string{
		sec * 1e3: "milliseconds", sec * 1e6: "microseconds", sec * 1e9: "nanoseconds", sec / 60: "minutes", sec / 3600: "hours", sec / 86400: "days",
		sec * 3: "", sec * 2 * 1e3: "", sec / 2 * 1e3: "", 12345678901234567: "", -5: "",
	} {
		if got := unit(at, sec); got != "" && unitOf == "" || !strings.Contains(got, unitOf) {
			t.Errorf("%d looks like %q, want %q", at, got, unitOf)
		}
	}
	for value, ok := range map[int64]bool{0: true, minutesMax: true, minutesMax + 1: false, -1: false} {
		r := row("live_notify_time", value)
		if n := r.whole("live_notify_time", 0, minutesMax); (r.bad == nil && n != nil && *n == value) != ok {
			t.Errorf("minutes %d: %v", value, r.bad)
		}
	}
	for n, want := range map[int]int{titleMax: titleMax, titleMax + 1: titleMax} {
		if got := len([]rune(row("title", strings.Repeat("长", n)).title())); got != want {
			t.Errorf("a title of %d characters has %d", n, got)
		}
	}
	for value, ok := range map[int64]bool{-1 << 31: true, 1<<31 - 1: true, 1 << 31: false} {
		if r := row("live_notify_status", value); (r.status("live_notify_status") != nil) != ok {
			t.Errorf("status %d: %v", value, r.bad)
		}
	}
}
