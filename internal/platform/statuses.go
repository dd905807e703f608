package platform

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// statusesQuery reads what DefaultChannelQuery gives for live_notify_status, of
// many channels at once.
const statusesQuery = `
SELECT act_id, live_notify_status
FROM activity_detail
WHERE act_id IN (?)`

// Statuses reads live_notify_status of many channels over a pool. It has none of a
// channel whose column is NULL, can't be read, or is not the same in all its rows;
// nor of any where the channel query is not the default one, for only that one is
// known to read activity_detail.
func (t *Tables) Statuses(ctx context.Context, on *sqlx.DB, ids []pushd.ActID) (map[pushd.ActID]int, error) {
	if t.q.ChannelQuery != DefaultChannelQuery || len(ids) == 0 {
		return nil, nil
	}
	query, args, err := sqlx.In(statusesQuery, ids)
	if err != nil {
		return nil, fmt.Errorf("list channels: %w", err)
	}
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	statuses, odd := make(map[pushd.ActID]int, len(ids)), map[pushd.ActID]bool{}
	for rows.Next() {
		var id pushd.ActID
		var value any
		if err := rows.Scan(&id, &value); err != nil {
			return nil, err
		}
		status, err := newCell(value, types[1], nil).whole()
		if err != nil || status == nil {
			odd[id] = true
			continue
		}
		if first, twice := statuses[id]; twice && first != int(*status) {
			odd[id] = true
		}
		statuses[id] = int(*status)
	}
	for id := range odd {
		delete(statuses, id)
	}
	return statuses, rows.Err()
}
