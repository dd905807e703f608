package lease

import (
	"testing"
	"time"

	"pushd"
)

func TestClock(t *testing.T) {
	base := time.Hour // since the machine started
	up := base
	c := NewClock(func() time.Duration { return up })
	c.Read(1000e6, base)
	if up += 20 * time.Minute; c.Now() != pushd.Time(1000e6).Add(20*time.Minute) { // asleep, perhaps
		t.Errorf("now %d", c.Now())
	}
	up = base
	c.Read(5000e6, base-SlowReading-time.Second) // took too long to be worth anything
	if now := c.Now(); now > 2000e6 {
		t.Errorf("a slow answer set the clock to %d", now)
	}
	c.Read(0, base)
	if c.Now() < 1000e6 {
		t.Error("no answer set the clock back")
	}
	if c.Until(c.Now().Add(-time.Hour)) != 0 {
		t.Error("a moment in the past is to come")
	}
}
