package pushd

import (
	"fmt"
	"strings"
	"time"
)

// QuietHours is a part of each day in which no message leaves, in minutes from
// midnight: From is the first, To the first after it, maybe of the next day. Where
// both are the same there is none.
type QuietHours struct{ From, To int }

// ParseQuietHours reads HH:MM-HH:MM; an empty text is none.
func ParseQuietHours(text string) (q QuietHours, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return q, nil
	}
	from, to, two := strings.Cut(text, "-")
	for _, one := range []struct {
		text string
		into *int
	}{{from, &q.From}, {to, &q.To}} {
		at, bad := time.Parse("15:04", strings.TrimSpace(one.text))
		if bad != nil || !two {
			return QuietHours{}, fmt.Errorf("is not like 22:30-07:30")
		}
		*one.into = at.Hour()*60 + at.Minute()
	}
	return q, nil
}

// String is q as ParseQuietHours reads it.
func (q QuietHours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", q.From/60, q.From%60, q.To/60, q.To%60)
}

// End is when the quiet hours end in which at lies; 0 if it lies in none. It is the
// first minute after at that lies in none, looked for one by one: where the clocks
// change, the end may be in the hour that is left out, or be there twice, and a time
// made of date and time of day can come before at.
func (q QuietHours) End(at Time, zone *time.Location) Time {
	if q.From == q.To || !q.hold(at.Std().In(zone)) {
		return 0
	}
	end := at.Std().In(zone).Truncate(time.Minute)
	for q.hold(end) {
		end = end.Add(time.Minute)
	}
	return Time(end.UnixMicro())
}

// hold says that a time of day lies in the quiet hours, which are not none.
func (q QuietHours) hold(local time.Time) bool {
	minute := local.Hour()*60 + local.Minute()
	if q.From < q.To {
		return q.From <= minute && minute < q.To
	}
	return minute < q.To || q.From <= minute
}
