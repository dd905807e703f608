package pushd

import (
	"testing"
	"time"
)

func TestQuietHours(t *testing.T) {
	zone := time.FixedZone("Asia/Shanghai", 8*60*60)
	at := func(text string) Time {
		if text == "" {
			return 0
		}
		at, err := time.ParseInLocation(time.DateTime, "2026-12-"+text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return Time(at.UnixMicro())
	}
	for _, c := range []struct{ hours, at, end string }{
		{"22:30-07:30", "01 22:29:59", ""}, {"22:30-07:30", "01 22:30:00", "02 07:30:00"}, {"22:30-07:30", "31 23:59:59", "32"},
		{"22:30-07:30", "02 07:29:59", "02 07:30:00"}, {"22:30-07:30", "02 07:30:00", ""},
		{"12:00-14:00", "02 11:59:59", ""}, {" 12:00 - 14:00 ", "02 12:00:00", "02 14:00:00"}, {"12:00-14:00", "02 14:00:00", ""},
		{"", "02 03:00:00", ""}, {"08:00-08:00", "02 08:00:00", ""},
	} {
		q, err := ParseQuietHours(c.hours)
		want := at("31 07:30:00") + Time(24*time.Hour/time.Microsecond)
		if c.end != "32" {
			want = at(c.end)
		}
		if got := q.End(at(c.at), zone); err != nil || got != want {
			t.Errorf("%s at %s: until %s, want %s; %v", c.hours, c.at, got.Std(), c.end, err)
		}
	}
	for _, bad := range []string{"22:30", "22:30-", "-", "24:00-07:00", "22.30-7.30", "22:30-07:30-08:00", "night"} {
		if q, err := ParseQuietHours(bad); err == nil {
			t.Errorf("%q is %v", bad, q)
		}
	}
	if q, err := ParseQuietHours("22:30-07:05"); err != nil || q.String() != "22:30-07:05" {
		t.Errorf("%s, %v", q, err)
	}
}

// Where the clocks change, an end may be in the hour that is left out, or be there
// twice. It must never come before the time that was asked about: a job would wait
// for a moment that is past, and look again without end.
func TestQuietHours_ClocksChange(t *testing.T) {
	for _, c := range []struct{ zone, hours, at, end string }{
		// left out: 02:00 is 03:00
		{"America/New_York", "22:30-02:30", "2026-03-08T01:50:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"America/New_York", "22:30-02:30", "2026-03-07T23:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"Europe/Berlin", "22:30-02:30", "2026-03-29T01:50:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"Europe/Berlin", "22:30-07:30", "2026-03-28T23:00:00+01:00", "2026-03-29T07:30:00+02:00"},
		{"America/New_York", "02:00-03:00", "2026-03-08T01:59:59-05:00", ""},
		// twice: 02:00 is 01:00
		{"America/New_York", "22:30-01:30", "2026-11-01T01:10:00-05:00", "2026-11-01T01:30:00-05:00"},
		{"America/New_York", "22:30-01:30", "2026-11-01T01:10:00-04:00", "2026-11-01T01:30:00-04:00"},
		{"America/New_York", "22:30-01:30", "2026-11-01T01:40:00-04:00", ""},
		{"Europe/Berlin", "02:00-03:00", "2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00"},
		{"Europe/Berlin", "22:30-07:30", "2026-10-24T23:00:00+02:00", "2026-10-25T07:30:00+01:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at := func(text string) Time {
			if text == "" {
				return 0
			}
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			return Time(at.UnixMicro())
		}
		q, err := ParseQuietHours(c.hours)
		if got := q.End(at(c.at), zone); err != nil || got != at(c.end) {
			t.Errorf("%s in %s at %s: until %s, want %q; %v", c.hours, c.zone, c.at, got.Std().In(zone).Format(time.RFC3339), c.end, err)
		}
	}
}
