package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"pushd"
)

// channels is what the check needs of the store: the very call by which a
// running pushd reads a channel.
type channels interface {
	Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error)
}

// checkChannel reads a channel as pushd serve does, and shows what it has read.
// Without an id it finds out whether the query runs.
func (o Options) checkChannel(ctx context.Context, r *report, from channels, zone *time.Location) {
	ch, err := from.Channel(ctx, pushd.ActID(o.ActID))
	bad, isBad := errors.AsType[*pushd.ChannelError](err)
	refused, isRefused := errors.AsType[*mysql.MySQLError](err)
	switch {
	case isRefused:
		r.fail("channel query", "%v; grant SELECT on the platform's tables, or set PUSHD_CHANNEL_QUERY to fit them", refused)
		return
	case errors.Is(err, pushd.ErrNotFound) && o.ActID == 0:
		r.ok("channel query", "runs; give --actid to read a channel")
		return
	case errors.Is(err, pushd.ErrNotFound):
		r.fail("channel query", "finds no channel %d", o.ActID)
		return
	case isBad:
		r.fail("channel query", "%v", bad)
	case err != nil:
		r.fail("channel query", "%v", err)
		return
	default:
		r.ok("channel query", "finds channel %d", o.ActID)
	}
	if o.ActID != 0 {
		o.showChannel(r, ch, bad, zone, time.Now())
	}
}

// showChannel prints what was read of a channel, for a person to compare with
// the channel's page. bad is the column that could not be read, if any.
func (o Options) showChannel(r *report, ch pushd.Channel, bad *pushd.ChannelError, zone *time.Location, now time.Time) {
	about := fmt.Sprintf("channel %d", o.ActID)
	r.ok(about, "title %s, owner %s, account %s, template %s, link %s", quotedOr(ch.Title), cmp.Or(ch.UIN, unknownFact),
		cmp.Or(string(ch.AppID), unknownFact), cmp.Or(string(ch.TemplateID), unknownFact), cmp.Or(ch.WatchURL, unknownFact))
	r.ok(about, "live_notify %s, %s minutes before the start, config_enabled %s, live_notify_status %s",
		onOff(ch.LiveNotify), number64(ch.NotifyMinutes), onOff(ch.ConfigEnabled), statusWord(ch.Status, o.StatusFailed))
	if bad == nil || bad.Column != "start_time" {
		showStart(r, about, ch.StartTime, zone, now)
	}
	if o.AppID != "" && ch.AppID != "" && string(ch.AppID) != o.AppID {
		r.warn(about, "belongs to account %s, not to --appid=%s; a POST with that appid is refused", ch.AppID, o.AppID)
	}
}

// unknownFact stands for NULL.
const unknownFact = "not known"

// hint is how far back a start is likely to be one of another time zone.
const hint = 14 * time.Hour

// showStart prints when the stream starts. A DATETIME of another zone is some
// hours off, which no program can tell, but a person can.
func showStart(r *report, about string, start int64, zone *time.Location, now time.Time) {
	if start == 0 {
		r.warn(about, "start %s: one reminder can't be distinguished from the next, and {{startTime}} is empty", unknownFact)
		return
	}
	at := time.Unix(start, 0).In(zone)
	when := fmt.Sprintf("start %s in PUSHD_TIMEZONE %s", at.Format("2006-01-02 15:04:05 -07:00"), zone)
	switch ago := now.Sub(at); {
	case ago > hint:
		r.warn(about, "%s: started %s ago; pushd no longer reminds of it", when, span(ago))
	case ago > 0:
		r.warn(about, "%s: started %s ago; if it is still to come, the column is in another time zone: see start_time in docs/operations.md", when, span(ago))
	default:
		r.ok(about, "%s: starts in %s", when, span(-ago))
	}
}

// span is a time as it is read: 20 min, 3 h 5 min, 2 days 4 h.
func span(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	switch {
	case minutes >= 24*60:
		return fmt.Sprintf("%d days %d h", minutes/60/24, minutes/60%24)
	case minutes >= 60:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	}
	return fmt.Sprintf("%d min", minutes)
}

func quotedOr(text string) string {
	if text == "" {
		return unknownFact
	}
	return fmt.Sprintf("%q", text)
}

func onOff(flag *bool) string {
	switch {
	case flag == nil:
		return unknownFact
	case *flag:
		return "on"
	}
	return "off"
}

func number64(n *int64) string {
	if n == nil {
		return unknownFact
	}
	return fmt.Sprint(*n)
}

func statusWord(status *int, failed int) string {
	if status == nil {
		return unknownFact
	}
	word := map[int]string{pushd.StatusNotNotified: "not notified", pushd.StatusNotifying: "notifying",
		pushd.StatusDone: "done", failed: "ended without completing"}[*status]
	return fmt.Sprintf("%d (%s)", *status, cmp.Or(word, "no status of pushd's"))
}
