package platform_test

import (
	"maps"
	"testing"

	"pushd"
)

// Of a column that says nothing, nothing that can be read, or two things, there is
// no status: its channel is read by itself, which says why.
func TestStatuses_OddRows(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.set(`DROP TABLE activity_detail`)
		f.set(`CREATE TABLE activity_detail (act_id BIGINT, live_notify_status VARCHAR(9))`)
		f.set(`INSERT INTO activity_detail VALUES (1, '2'), (2, ' 3 '), (3, NULL), (4, 'done'), (5, '2'), (5, '2'), (6, '2'), (6, '3'), (7, '3'), (7, NULL), (8, '2')`)
		r := f.tables()
		got, err := r.tables.Statuses(f.ctx, r.db, []pushd.ActID{1, 2, 3, 4, 5, 6, 7, 9})
		f.ok(err)
		if want := map[pushd.ActID]int{1: 2, 2: 3, 5: 2}; !maps.Equal(got, want) {
			t.Errorf("statuses %v, want %v", got, want)
		}
	})
}

// A channel query of the operator's may read other tables.
func TestStatuses_OwnChannelQuery(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.q.ChannelQuery = roomQuery("0")
		r := f.tables()
		if got, err := r.tables.Statuses(f.ctx, r.db, []pushd.ActID{actID}); err != nil || got != nil {
			t.Errorf("statuses %v %v", got, err)
		}
	})
}
