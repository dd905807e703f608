package console

import (
	"net/http"
	"time"

	"pushd"
)

// A chart has three kinds of answers: that a message was accepted, that one recipient
// can't have it or has to wait, and that WeChat, or the way there, is in trouble.
var (
	answerKinds = []string{"sent", "skipped", "trouble"}
	kindOf      = [pushd.VerdictCount]int{
		pushd.Sent: 0,
		pushd.Skip: 1, pushd.DeferShort: 1, pushd.DeferLong: 1, pushd.Other: 1,
		pushd.TokenRefused: 2, pushd.Busy: 2, pushd.Slower: 2, pushd.Quota: 2, pushd.Fatal: 2, pushd.FatalIfRepeated: 2,
	}
)

// The chart's width and height in units of its own.
const (
	chartWide = 600
	chartHigh = 100
)

// span is answers of some minutes, by kind.
type span struct {
	From, To time.Time
	Of       [3]int64
	Total    int64
}

// column is a part of a minute's column in a chart.
type column struct {
	Kind       string
	X, Y, High int
	Wide       int
}

// chart is the last hour: what WeChat answered, a column for each minute.
type chart struct {
	Spans   []span // minutes
	Total   span
	Peak    span // the busiest minute
	Columns []column
	Empty   bool
}

// hourOf draws the minutes, the last of which may not be over now.
func hourOf(minutes []pushd.Minute, now time.Time) (c chart) {
	for _, m := range minutes {
		s := span{From: m.At, To: m.At.Add(time.Minute)}
		if now.Before(s.To) && now.After(s.From) {
			s.To = now
		}
		for v, n := range m.Answers {
			s.Of[kindOf[v]] += int64(n)
			s.Total += int64(n)
		}
		c.Spans = append(c.Spans, s)
		c.Total = c.Total.plus(s)
		if s.Total > c.Peak.Total {
			c.Peak = s
		}
	}
	if c.Empty = c.Total.Total == 0; c.Empty {
		return c
	}
	wide := chartWide / len(c.Spans)
	for i, s := range c.Spans {
		below := int64(0)
		for kind, n := range s.Of {
			top := chartHigh - int((below+n)*chartHigh/c.Peak.Total)
			bottom := chartHigh - int(below*chartHigh/c.Peak.Total)
			if below += n; n > 0 && top == bottom && top > 0 {
				top-- // a few among many are seen, too
			}
			if n > 0 {
				c.Columns = append(c.Columns, column{Kind: answerKinds[kind], X: i * wide, Wide: wide - 2, Y: top, High: bottom - top})
			}
		}
	}
	return c
}

// plus is two spans as one.
func (s span) plus(t span) span {
	if s.From.IsZero() {
		s.From = t.From
	}
	s.To = t.To
	for i := range s.Of {
		s.Of[i] += t.Of[i]
	}
	s.Total += t.Total
	return s
}

// PerSecond is the mean rate.
func (s span) PerSecond() float64 {
	if d := s.To.Sub(s.From).Seconds(); d > 0 {
		return float64(s.Total) / d
	}
	return 0
}

// Fives are the minutes put together by five, the newest first.
func (c chart) Fives() (all []span) {
	for i := len(c.Spans); i > 0; i -= 5 {
		var five span
		for _, s := range c.Spans[max(i-5, 0):i] {
			five = five.plus(s)
		}
		all = append(all, five)
	}
	return all
}

// hour is GET /console/hour: the last hour in figures.
func (c *Console) hour(v *visit) {
	c.show(v, http.StatusOK, "hour", layout{Title: "hour.title", Tab: "now", Live: true}, hourOf(c.Hour(), c.Now()))
}
