package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// audienceColumn is the column of PUSHD_AUDIENCE_QUERY that is read where it gives
// several.
const audienceColumn = "openid"

// Subscribers reads a page of those who asked for a channel's stream, by
// PUSHD_AUDIENCE_QUERY. See pushd.Channels. What the query gives is believed only
// as far as each page leads on: its openids ascend byte by byte, and all are
// behind the one that was given.
func (t *Tables) Subscribers(ctx context.Context, on sqlx.QueryerContext, id pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error) {
	var page pushd.FollowerPage
	if t.q.AudienceQuery == "" {
		return page, refuse("is not set; it lists those who asked for a stream")
	}
	ctx, cancel := context.WithCancel(ctx)
	rows, err := on.QueryContext(ctx, t.q.AudienceQuery, int64(id), string(after), limit)
	if err != nil {
		cancel()
		return page, err
	}
	defer rows.Close()
	defer cancel() // first: else Close reads what a query without its LIMIT gives
	column, values, err := openIDColumn(rows)
	if err != nil {
		return page, err
	}
	last, n, odd := after, 0, 0
	for ; rows.Next(); n++ {
		if n == limit {
			return page, refuse("gives more than %d rows where that is its LIMIT", limit)
		}
		if err := rows.Scan(values...); err != nil {
			return page, err
		}
		switch id := pushd.OpenID(cell{value: *values[column].(*any)}.plain()); {
		case !id.Plausible():
			odd++
		case id < last:
			return page, refuse("gives openids out of order, or goes on before the one that it was given; it wants WHERE openid > ? ORDER BY openid, and a column that compares byte by byte: VARBINARY, or one whose collation ends in _bin")
		case id > last:
			page.OpenIDs, page.Odd = append(page.OpenIDs, id), page.Odd+odd
			last, odd = id, 0
		}
	}
	if err := rows.Err(); err != nil {
		return page, err
	}
	switch {
	case n < limit:
		page.Odd += odd
	case last == after:
		return page, refuse("gives %d rows without a further openid: repetitions, or what is none", n)
	default: // whatever is odd behind the last comes again
		page.Next = last
	}
	return page, nil
}

// openIDColumn is which column holds the openids, and where to scan all of them.
func openIDColumn(rows interface{ Columns() ([]string, error) }) (column int, values []any, err error) {
	names, err := rows.Columns()
	if err != nil {
		return 0, nil, err
	}
	values = make([]any, len(names))
	for i := range values {
		values[i] = new(any)
	}
	column = slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, audienceColumn) })
	if column < 0 && len(names) != 1 {
		return 0, nil, refuse("gives %d columns, none of which is called %s", len(names), audienceColumn)
	}
	return max(column, 0), values, nil
}

// refuse is why the audience query, or what it gave, can't be used.
func refuse(format string, args ...any) error {
	return &pushd.AudienceError{Text: "PUSHD_AUDIENCE_QUERY " + fmt.Sprintf(format, args...)}
}

// RefusedQuery is an answer of the database that asking again does not change, as
// an error of the audience. Whether it is one is for the caller to say.
func RefusedQuery(err error) error {
	if err == nil || pushd.BadAudience(err) != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return refuse("is refused by the database: %v; grant SELECT on what it reads; pushd check tries it", err)
}
