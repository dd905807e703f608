package platform

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/mysqlconn"
)

// channelColumns must all be there: a misspelt one would otherwise pass for
// an unknown fact.
var channelColumns = []string{
	"act_id", "uin", "appid", "title", "start_time", "watch_url", "template_id",
	"config_enabled", "live_notify", "live_notify_time", "live_notify_status",
}

// optionalColumns may be left out, which is as NULL.
var optionalColumns = []string{"min_gap", "per_day", "first", "quiet_hours", "audience"}

// The columns that nothing depends on: they are there to be read.
const actIDColumn, ownerColumn = "act_id", "uin"

// Channel reads a channel over a pool or a transaction; pushd.ErrNotFound if there
// is none. Where a column can't be used the error is a pushd.ChannelError, and the
// other columns of the channel are there all the same.
func (t *Tables) Channel(ctx context.Context, on sqlx.QueryerContext, id pushd.ActID) (pushd.Channel, error) {
	row, err := t.channelRow(ctx, on, id)
	if err != nil {
		return pushd.Channel{}, err
	}
	ch := row.channel(id)
	if row.bad != nil {
		return ch, row.bad
	}
	return ch, nil
}

// rowsMax is how many rows of one channel are compared with the first.
const rowsMax = 100

// channelRow reads the channel's row. Several are as good as one if they say
// the same.
func (t *Tables) channelRow(ctx context.Context, on sqlx.QueryerContext, id pushd.ActID) (channelRow, error) {
	row := channelRow{zone: t.zone, now: time.Now()}
	stamps := mysqlconn.SessionZone(row.zone, row.now)
	rows, err := on.QueryContext(ctx, t.q.ChannelQuery, id)
	if err != nil {
		return row, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return row, err
	}
	for n := 0; n <= rowsMax && rows.Next(); n++ {
		read, err := readCells(rows, types, stamps)
		if err != nil {
			return row, err
		}
		if row.cells == nil {
			row.cells = read
		} else {
			row.compare(read)
		}
	}
	if err := rows.Err(); err != nil {
		return row, err
	}
	if row.cells == nil {
		return row, noRow(types)
	}
	return row, nil
}

// noRow says that there is no such channel, unless the query could not have
// given one.
func noRow(types []*sql.ColumnType) error {
	row := channelRow{cells: map[string]cell{}}
	for _, t := range types {
		row.cells[strings.ToLower(t.Name())] = cell{}
	}
	if row.needColumns(); row.bad != nil {
		return row.bad
	}
	return pushd.ErrNotFound
}

// channelRow is what the channel query gave for one channel.
type channelRow struct {
	cells map[string]cell
	zone  *time.Location
	now   time.Time
	bad   *pushd.ChannelError // the first column that can't be used
	// differs says that there are rows which say something else.
	differs bool
}

func (r *channelRow) refuse(column, format string, args ...any) {
	if r.bad == nil {
		r.bad = &pushd.ChannelError{Column: column, Text: fmt.Sprintf(format, args...)}
	}
}

// compare refuses a channel of which another row says something else: taking
// any of them could send the reminder to another account's followers.
func (r *channelRow) compare(other map[string]cell) {
	for _, column := range slices.Concat(channelColumns, optionalColumns) {
		if column == actIDColumn || column == ownerColumn {
			continue
		}
		if !reflect.DeepEqual(r.cells[column], other[column]) {
			r.differs = true
			r.refuse(column, "is not the same in all rows that the channel query gives; it must give one row per channel")
		}
	}
}

// channel makes a channel of the row. A column that can't be used is noted in
// r.bad and left empty.
func (r *channelRow) channel(id pushd.ActID) pushd.Channel {
	r.needColumns()
	owner, _ := r.cells[ownerColumn].text()
	return pushd.Channel{
		ActID: id, UIN: strings.TrimSpace(owner),
		AppID:         pushd.AppID(strings.TrimSpace(r.text("appid"))),
		LiveNotify:    r.flag("live_notify"),
		ConfigEnabled: r.flag("config_enabled"),
		StartTime:     r.start("start_time"),
		Title:         r.title(), WatchURL: strings.TrimSpace(r.text("watch_url")),
		TemplateID:    pushd.TemplateID(strings.TrimSpace(r.text("template_id"))),
		NotifyMinutes: r.whole("live_notify_time", 0, minutesMax),
		Status:        r.status("live_notify_status"),
		Brakes:        r.brakes(),
		Audience:      r.audience(),
	}
}

func (r *channelRow) needColumns() {
	for _, column := range channelColumns {
		if _, there := r.cells[column]; !there {
			r.refuse(column, "is not among the columns that the channel query gives; select NULL AS %s where the platform has no such thing", column)
		}
	}
}

// titleMax is far more characters than WeChat shows of a title.
const titleMax = 2000

func (r *channelRow) title() string {
	title := r.text("title")
	if n := utf8.RuneCountInString(title); n > titleMax {
		return string([]rune(title)[:titleMax])
	}
	return title
}

func (r *channelRow) audience() pushd.Audience {
	a, err := pushd.ParseAudience(strings.ToLower(strings.TrimSpace(r.text("audience"))))
	if err != nil {
		r.refuse("audience", "%v; NULL is everyone who follows", err)
	}
	return a
}

// minutesMax is a year: more is another unit, or no number of minutes.
const minutesMax = 365 * 24 * 60

func (r *channelRow) text(column string) string {
	text, err := r.cells[column].text()
	if err != nil {
		r.refuse(column, "%v", err)
	}
	return text
}

func (r *channelRow) flag(column string) *bool {
	on, err := r.cells[column].flag()
	if err != nil {
		r.refuse(column, "%v; write 1 or 0, or NULL where it is not known", err)
	}
	return on
}

func (r *channelRow) whole(column string, low, high int64) *int64 {
	n, err := r.cells[column].whole()
	if err == nil && n != nil && (*n < low || *n > high) {
		err = fmt.Errorf("is %d; allowed are %d to %d", *n, low, high)
	}
	if err != nil {
		r.refuse(column, "%v; write a whole number, or NULL where it is not known", err)
		return nil
	}
	return n
}

// perDayMax is more than an account may send in a day by any reading of WeChat's
// rules.
const perDayMax = 1000

// firstMax is more followers than an account has.
const firstMax = 100_000_000

// brakes reads what the owner allows of reminders.
func (r *channelRow) brakes() (b pushd.Brakes) {
	if minutes := r.whole("min_gap", 0, minutesMax); minutes != nil {
		gap := time.Duration(*minutes) * time.Minute
		b.MinGap = &gap
	}
	b.Quiet = r.quiet("quiet_hours")
	b.First = narrow(r.whole("first", 0, firstMax))
	b.PerDay = narrow(r.whole("per_day", 0, perDayMax))
	return b
}

// quiet reads quiet hours; nil where nothing is said.
func (r *channelRow) quiet(column string) *pushd.QuietHours {
	text := strings.TrimSpace(r.text(column))
	if text == "" {
		return nil
	}
	q, err := pushd.ParseQuietHours(text)
	if err != nil {
		r.refuse(column, "%v; write HH:MM-HH:MM, or NULL where nothing is said", err)
		return nil
	}
	return &q
}

// narrow is a number that is known to be small.
func narrow(n *int64) *int {
	if n == nil {
		return nil
	}
	small := int(*n)
	return &small
}

func (r *channelRow) status(column string) *int {
	return narrow(r.whole(column, -1<<31, 1<<31-1))
}

// Starts lie between 2001 and startAhead from now. Everything else is another
// unit than seconds, or a mistake that would send a reminder with a wrong time
// to everyone.
const (
	startMin   = 1_000_000_000
	startAhead = 5 * 366 * 24 * time.Hour
)

func (r *channelRow) start(column string) int64 {
	at, err := r.cells[column].moment(r.zone)
	if err == nil && at != 0 && (at < startMin || at > r.now.Add(startAhead).Unix()) {
		err = fmt.Errorf("is %d, which is no time of a stream in unix seconds%s", at, unit(at, r.now.Unix()))
	}
	if err != nil {
		r.refuse(column, "%v; write unix seconds or a DATETIME, or NULL where it is not known", err)
		return 0
	}
	return at
}

// unit guesses what a time is counted in.
func unit(at, now int64) string {
	for _, u := range []struct {
		name     string
		mul, div int64
	}{{"milliseconds", 1, 1e3}, {"microseconds", 1, 1e6}, {"nanoseconds", 1, 1e9}, {"minutes", 60, 1}, {"hours", 3600, 1}, {"days", 86400, 1}} {
		if at > 0 && (u.mul == 1 || at < now) && at*u.mul/u.div > now/2 && at*u.mul/u.div < now*2 {
			return " (is it " + u.name + "?)"
		}
	}
	return ""
}
