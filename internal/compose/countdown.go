package compose

import (
	"maps"
	"regexp"
	"time"

	"pushd"
)

// minutes are those from now to the start, begun ones included, and no more than
// the owner has set: a reminder that leaves late says so. Only where
// NotifyMinutes is known.
func (f Facts) minutes() (left int64, begun bool) {
	set := *f.NotifyMinutes
	if f.Now == 0 || f.StartTime == 0 || set < 0 { // below 0 is a mistake in the row, to be refused
		return set, false
	}
	until := f.untilStart()
	return max(0, min(set, (until+minute-1)/minute)), until <= -minute
}

const minute = int64(time.Minute / time.Microsecond)

// untilStart is how long it is to the start, in microseconds; below 0 since then.
func (f Facts) untilStart() int64 {
	return f.StartTime*int64(time.Second/time.Microsecond) - int64(f.Now)
}

// nextMinute is when the minutes are others than now; 0 = never again.
func (f Facts) nextMinute() pushd.Time {
	until := f.untilStart()
	if until <= -minute {
		return 0
	}
	rest := until % minute
	if rest <= 0 {
		rest += minute
	}
	return f.Now + pushd.Time(rest)
}

// countdown is how a text counts minutes: 还有{{minutes}}分钟, {{minutes}} 分钟后.
// Where none are left it reads 即将开播 in place of 0 分钟后开播, and 已经开播
// once the stream has begun.
var countdown = regexp.MustCompile(`(还有|还剩|仅剩)?` + blanks + `\{\{` + blanks + `minutes` + blanks + `\}\}` + blanks + `分钟(之后|以后|后就?)?`)

func (f Facts) countdown(text string) string {
	if f.NotifyMinutes == nil {
		return text
	}
	left, begun := f.minutes()
	switch {
	case begun:
		return countdown.ReplaceAllString(text, "已经")
	case left == 0:
		return countdown.ReplaceAllString(text, "即将")
	}
	return text
}

// countdown is what those values of the message are made from that count the
// minutes; nil if none does.
func (s Source) countdown() *pushd.Countdown {
	if s.Facts.NotifyMinutes == nil || s.Facts.StartTime == 0 {
		return nil
	}
	c := pushd.Countdown{StartTime: s.Facts.StartTime, Minutes: *s.Facts.NotifyMinutes, Title: s.Facts.Title, WatchURL: s.Facts.WatchURL, Data: map[string]string{}}
	texts, _ := s.Written()
	for key, text := range texts {
		if mentions(text, "minutes") {
			c.Data[key] = text
		}
	}
	link, mini := s.tap()
	if mentions(link, "minutes") {
		c.URL = link
	}
	if mini != nil && mentions(mini.PagePath, "minutes") {
		c.PagePath = mini.PagePath
	}
	if len(c.Data) == 0 && c.URL == "" && c.PagePath == "" {
		return nil
	}
	return &c
}

// Letters are the letters of a job's message: one after the other, as the minutes
// pass. Not for several goroutines at once.
type Letters struct {
	message *pushd.Message
	id      pushd.MsgID
	in      *time.Location
	letter  *pushd.Letter
	until   pushd.Time // when the letter is not true any more; 0 = never
}

// NewLetters returns the letters of a message that was made for a location.
func NewLetters(m *pushd.Message, id pushd.MsgID, in *time.Location) *Letters {
	return &Letters{message: m, id: id, in: in}
}

// At is the letter that leaves at now. Its client_msg_id is the same at any time.
func (l *Letters) At(now pushd.Time) *pushd.Letter {
	if l.letter == nil || l.until != 0 && now >= l.until {
		var m *pushd.Message
		m, l.until = counted(l.message, l.in, now)
		l.letter = m.Letter(l.id)
	}
	return l.letter
}

// counted is a message as it reads at now, and when it reads otherwise; 0 = never.
// A value that WeChat would not take any more stays as it was.
func counted(m *pushd.Message, in *time.Location, now pushd.Time) (*pushd.Message, pushd.Time) {
	c := m.Countdown
	if c == nil {
		return m, 0
	}
	facts := Facts{Channel: pushd.Channel{Title: c.Title, StartTime: c.StartTime, WatchURL: c.WatchURL, NotifyMinutes: &c.Minutes}, Location: in, Now: now}
	out := *m
	out.Data = maps.Clone(m.Data)
	for key, text := range c.Data {
		f := NewField(key, "")
		if value := f.CleanValue(facts.Expand(text, f)); f.fits(value) {
			out.Data[key] = value
		}
	}
	if c.URL != "" {
		out.URL = facts.link(c.URL)
	}
	if c.PagePath != "" && m.MiniProgram != nil {
		out.MiniProgram = &pushd.MiniProgram{AppID: m.MiniProgram.AppID, PagePath: facts.expandLink(c.PagePath)}
	}
	return &out, facts.nextMinute()
}
