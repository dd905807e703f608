package fanout

import (
	"testing"
	"time"

	"pushd"
)

func TestQuotaReset_IsMidnightInBeijing(t *testing.T) {
	for _, c := range []struct{ now, want string }{
		{"2026-03-01T15:59:59Z", "2026-03-01T16:00:05Z"},
		{"2026-03-01T16:00:05Z", "2026-03-02T16:00:05Z"},
		{"2026-12-31T20:00:00Z", "2027-01-01T16:00:05Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (*Engine)(nil).quotaReset(pushd.Time(now.UnixMicro())).Std().Format(time.RFC3339); got != c.want {
			t.Errorf("after %s: %s, want %s", c.now, got, c.want)
		}
	}
}
