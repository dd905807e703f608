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
