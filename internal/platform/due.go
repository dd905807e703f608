package platform

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/mysqlconn"
)

// dueMax is how many reminders are read at most: pages have room for fewer.
const dueMax = 200

// Due lists the reminders that are to be posted after one time and not after
// another, and have not been, by PUSHD_DUE_LIST. Its columns are act_id and due_at,
// and title and appid where the platform has them.
func (t *Tables) Due(ctx context.Context, on sqlx.QueryerContext, from, to pushd.Time) (all []pushd.Due, err error) {
	args := make([]any, t.q.DueListMarks)
	for i := range args { // they come in pairs
		args[i] = from.Std().Unix()
		if i%2 == 1 {
			args[i] = to.Std().Unix()
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	rows, err := on.QueryContext(ctx, t.q.DueList, args...)
	if err != nil {
		cancel()
		return nil, err
	}
	defer rows.Close()
	defer cancel() // first: else Close reads what a query without its LIMIT gives
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	if err := dueColumns(types); err != nil {
		return nil, err
	}
	stamps := mysqlconn.SessionZone(t.zone, time.Now())
	for len(all) < dueMax && rows.Next() {
		cells, err := readCells(rows, types, stamps)
		if err != nil {
			return nil, err
		}
		due, err := dueOf(cells, t.zone)
		if err != nil {
			return nil, err
		}
		all = append(all, due)
	}
	return all, rows.Err()
}

// dueColumns wants those without which a row says nothing.
func dueColumns(types []*sql.ColumnType) error {
	for _, column := range []string{actIDColumn, "due_at"} {
		if !slices.ContainsFunc(types, func(t *sql.ColumnType) bool { return strings.EqualFold(t.Name(), column) }) {
			return fmt.Errorf("the query gives no column %s", column)
		}
	}
	return nil
}

// dueOf reads a row.
func dueOf(cells map[string]cell, zone *time.Location) (d pushd.Due, err error) {
	id, err := cells[actIDColumn].whole()
	if err != nil || id == nil {
		return d, errors.Join(errors.New("act_id: is no channel"), err)
	}
	at, err := cells["due_at"].moment(zone)
	if err != nil {
		return d, fmt.Errorf("due_at: %w", err)
	}
	title, _ := cells["title"].text() // it is only shown
	app, _ := cells["appid"].text()
	return pushd.Due{ActID: pushd.ActID(*id), AppID: pushd.AppID(strings.TrimSpace(app)), Title: title, At: time.Unix(at, 0)}, nil
}
