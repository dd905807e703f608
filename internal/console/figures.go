package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pushd/api/client"
)

// number writes a whole number, exactly, with separators; nothing known is "–".
func number(of any) string {
	var n int64
	switch v := of.(type) {
	case int64:
		n = v
	case int:
		n = int64(v)
	case *int64:
		if v == nil {
			return "–"
		}
		n = *v
	case *int:
		if v == nil {
			return "–"
		}
		n = int64(*v)
	default:
		return fmt.Sprint(of)
	}
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// rate writes messages a second.
func (f *face) rate(of float64) string {
	if of >= 100 || of == float64(int64(of)) {
		return number(int64(of+0.5)) + f.t("per.second")
	}
	return strconv.FormatFloat(of, 'f', 1, 64) + f.t("per.second")
}

// when writes a moment in the zone of the console: the time where it is today,
// else the date, too. nil is "–".
func (f *face) when(at *time.Time) string {
	if at == nil {
		return "–"
	}
	t, now := at.In(f.o.Location), f.o.Now().In(f.o.Location)
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format(time.TimeOnly)
	case t.Year() == now.Year():
		return t.Format("01-02 15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// moment writes a moment to the tenth of a second, where that matters.
func (f *face) moment(at *time.Time) string {
	if at == nil {
		return "–"
	}
	return at.In(f.o.Location).Format("01-02 15:04:05.0")
}

// clock writes the time of day.
func (f *face) clock(at *time.Time) string { return at.In(f.o.Location).Format(time.TimeOnly) }

// hm writes the time of day to the minute.
func (f *face) hm(at *time.Time) string { return at.In(f.o.Location).Format("15:04") }

// local writes a moment as an input of type datetime-local has it.
func (f *face) local(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.In(f.o.Location).Format(localForm)
}

// localForm is how browsers send a datetime-local.
const localForm = "2006-01-02T15:04"

// stamp writes a moment for programs.
func stamp(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339)
}

// relative says how far off a moment is, in both directions.
func (f *face) relative(at *time.Time) string {
	if at == nil {
		return ""
	}
	off := at.Sub(f.o.Now())
	key := "time.in"
	if off < 0 {
		off, key = -off, "time.ago"
	}
	return f.t(key, f.span(off))
}

// span writes a length of time by its largest unit, or two.
func (f *face) span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return f.t("time.s", int(d/time.Second))
	case d < time.Hour:
		return f.t("time.min", int(d/time.Minute))
	case d < 10*time.Hour:
		return f.t("time.hmin", int(d/time.Hour), int(d%time.Hour/time.Minute))
	case d < 48*time.Hour:
		return f.t("time.h", int(d/time.Hour))
	}
	return f.t("time.d", int(d/(24*time.Hour)))
}

// people is how many recipients a job has, as far as is known.
func people(j client.Job) int64 {
	if j.Total != nil && !j.Ended() {
		return max(j.Walked, *j.Total)
	}
	return j.Walked
}

// left is how many of a job's recipients have no outcome.
func left(j client.Job) int64 {
	if j.Untold != nil {
		return *j.Untold
	}
	return max(people(j)-j.Done(), 0)
}

// share is a part of all in percent.
func share(part, of int64) string {
	if of <= 0 {
		return "–"
	}
	p := 100 * float64(part) / float64(of)
	switch {
	case part > 0 && p < 0.1:
		return "<0.1 %"
	case part < of && p > 99.9:
		return ">99.9 %"
	case p == float64(int64(p)):
		return strconv.FormatInt(int64(p), 10) + " %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// stripe is a part of a bar, in thousandths of its length.
type stripe struct {
	Kind       string
	From, Wide int64
}

// bar divides a job's recipients by their outcome.
func bar(j client.Job) (stripes []stripe) {
	all, from := people(j), int64(0)
	if all <= 0 {
		return nil
	}
	for _, part := range []struct {
		kind string
		n    int64
	}{{"sent", j.Sent}, {"skipped", j.Skipped}, {"unknown", j.Unknown}, {"failed", j.Failed}} {
		wide := min((1000*part.n+all-1)/all, 1000-from) // whatever is there shows
		if wide > 0 {
			stripes = append(stripes, stripe{part.kind, from, wide})
			from += wide
		}
	}
	return stripes
}

// title is what a job is about in the words of its message: the longest value.
func title(j client.Job) (longest string) {
	if j.Message == nil {
		return ""
	}
	for key, value := range j.Message.Data {
		named := strings.HasPrefix(key, "thing") || strings.HasPrefix(key, "short_thing")
		if named && (len(value) > len(longest) || len(value) == len(longest) && value > longest) {
			longest = value
		}
	}
	return longest
}

// late says that a job will not be done by its deadline.
func late(j client.Job) bool { return j.ETA != nil && j.Deadline != nil && j.ETA.After(*j.Deadline) }

// mask shows an openid's ends: enough to tell two apart, not enough to send to.
func mask(openid string) string {
	if len(openid) < 12 {
		return "…"
	}
	return openid[:4] + "…" + openid[len(openid)-4:]
}

// short says that the day's quota does not reach all.
func short(j client.Job) bool { return j.Shortfall != nil && *j.Shortfall > 0 }
