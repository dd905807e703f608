package platform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pushd"
)

// asking is an audience query over the table made by withSubscribers.
const asking = `SELECT openid FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT ?`

// withSubscribers makes a table of those who asked, whose column is of a kind.
func (f *fixture) withSubscribers(kind string, ids ...any) {
	f.t.Helper()
	f.set(`CREATE TABLE subscriber (act_id BIGINT NOT NULL, openid ` + kind + `)`)
	for _, id := range ids {
		f.set(`INSERT INTO subscriber (act_id, openid) VALUES (?, ?)`, actID, id)
	}
}

// all reads the subscribers of the channel with so many on a page.
func (r reader) all(f *fixture, limit int) (ids []pushd.OpenID, odd int, err error) {
	for cursor, pages := pushd.OpenID(""), 0; ; pages++ {
		if pages > 100 {
			f.t.Fatal("the list does not end")
		}
		page, err := r.tables.Subscribers(f.ctx, r.db, actID, cursor, limit)
		if err != nil {
			return ids, odd, err
		}
		ids, odd = append(ids, page.OpenIDs...), odd+page.Odd
		if cursor = page.Next; cursor == "" {
			return ids, odd, nil
		}
	}
}

// What is in the table that can't be sent to is left out and counted, whatever a
// page's size is; openids differ by each byte.
func TestSubscribers_OddRows(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.withSubscribers("VARBINARY(300)", "oAbc", "oabc", "oAbC", "o b", "", "oé", strings.Repeat("o", 129), "o-1", "oAbc", "oz\n", "oAbc")
		f.q.AudienceQuery = asking
		want := []pushd.OpenID{"o-1", "oAbC", "oAbc", "oabc"}
		for limit := 4; limit < 14; limit++ {
			ids, odd, err := f.tables().all(f, limit)
			if err != nil || !slices.Equal(ids, want) || odd != 4 {
				t.Errorf("%d a page: %v, %d odd, %v", limit, ids, odd, err)
			}
		}
	})
}

// Rows that are NULL, and a query that gives the one it was to go on behind again.
func TestSubscribers_NULLAndTheSameAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.withSubscribers("VARBINARY(64)", "oA", nil, "oB", "oC", "oD", nil)
		f.q.AudienceQuery = `SELECT openid FROM subscriber WHERE act_id = ? AND (openid >= ? OR openid IS NULL) ORDER BY openid LIMIT ?`
		ids, odd, err := f.tables().all(f, 5)
		if err != nil || !slices.Equal(ids, []pushd.OpenID{"oA", "oB", "oC", "oD"}) || odd == 0 {
			t.Errorf("%v, %d odd, %v", ids, odd, err)
		}
	})
}

// A query that can't be used says what is wrong with it, and never goes on for
// ever.
func TestSubscribers_BadQueries(t *testing.T) {
	for name, c := range map[string]struct{ query, want string }{
		"none":              {"", "PUSHD_AUDIENCE_QUERY is not set"},
		"the order":         {`SELECT openid FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY openid DESC LIMIT ?`, "out of order"},
		"another order":     {`SELECT openid FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY LENGTH(openid) DESC, openid DESC LIMIT ?`, "out of order"},
		"no cursor":         {`SELECT openid FROM subscriber WHERE act_id = ? AND '' <= ? ORDER BY openid LIMIT ?`, "out of order"},
		"no limit":          {`SELECT openid FROM subscriber WHERE act_id = ? AND openid > ? AND 0 < ? ORDER BY openid`, "more than 3 rows"},
		"other columns":     {`SELECT act_id, act_id AS b FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT ?`, "gives 2 columns, none of which is called openid"},
		"nothing but blank": {`SELECT ' ' AS openid FROM subscriber WHERE act_id = ? AND 'z' > ? LIMIT ?`, "without a further openid"},
		"the same for ever": {`SELECT 'oA' AS openid FROM subscriber WHERE act_id = ? AND 'z' > ? LIMIT ?`, "without a further openid"},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, f *fixture) {
				f.withSubscribers("VARBINARY(64)", "oA", "oB", "oCC", "oDD", "oEE", "oF", "oG")
				f.q.AudienceQuery = c.query
				_, _, err := f.tables().all(f, 3)
				if bad := pushd.BadAudience(err); bad == nil || !strings.Contains(bad.Text, c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
			})
		})
	}
}

// A column that compares without case is told by its order. The openids of one
// page that differ by case alone are all there.
func TestSubscribers_ACollationWithoutCase(t *testing.T) {
	f := onMariaDB(t)
	f.withSubscribers("VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "oaa", "oBB", "oCC", "odd")
	f.q.AudienceQuery = asking
	if _, _, err := f.tables().all(f, 10); pushd.BadAudience(err) == nil || !strings.Contains(err.Error(), "_bin") {
		t.Errorf("%v", err)
	}
}

// Whichever column is called openid is read; of one alone the name does not
// matter, and neither does the type.
func TestSubscribers_Columns(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.withSubscribers("CHAR(64)", "o1", "o2")
		for _, query := range []string{
			`SELECT act_id, OpenID FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT ?`,
			`SELECT openid AS who FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT ?`,
		} {
			f.q.AudienceQuery = query
			ids, odd, err := f.tables().all(f, 2)
			if err != nil || odd != 0 || fmt.Sprint(ids) != "[o1 o2]" {
				t.Errorf("%s: %v, %d odd, %v", query, ids, odd, err)
			}
		}
	})
}

// The default query says who is reminded where the platform's table does, and is
// for everyone where the table knows nothing of it.
func TestChannel_AudienceOfTheDefaultQuery(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		want := func(audience pushd.Audience, bad bool) {
			t.Helper()
			ch, err := f.tables().Channel(f.ctx, actID)
			if ch.Audience.Or("") != audience || (pushd.BadChannel(err) != nil) != bad || bad && pushd.BadChannel(err).Column != "audience" || err != nil && !bad {
				t.Errorf("%q, %v; want %q", ch.Audience, err, audience)
			}
		}
		want(pushd.AudienceFollowers, false)
		for text, audience := range map[string]pushd.Audience{
			"": pushd.AudienceFollowers, "followers": pushd.AudienceFollowers, " Subscribers ": pushd.AudienceSubscribers, "tag:101": "tag:101",
		} {
			f.set(`UPDATE activity_detail SET audience = ?`, text)
			want(audience, false)
		}
		for _, text := range []string{"vip", "tag:", "tag:0", "tag:-1", "tag:007", "tag:1.0", "tag:4294967296", "101"} {
			f.set(`UPDATE activity_detail SET audience = ?`, text)
			want(pushd.AudienceFollowers, true)
		}
		if f.DriverName() == "mysql" { // SQLite has no name for the key
			f.set(`UPDATE activity_detail SET audience = 'tag:1'`)
			f.set(`DROP INDEX activity_detail_act_id ON activity_detail`)
			f.set(`INSERT INTO activity_detail (act_id, live_notify, audience) VALUES (?, 1, 'tag:2')`, actID)
			want("tag:1", true) // two rows of the channel, which say two things
			f.set(`DELETE FROM activity_detail WHERE audience = 'tag:2'`)
		}
		f.set(`ALTER TABLE activity_detail DROP COLUMN audience`)
		want(pushd.AudienceFollowers, false)
		f.set(`DELETE FROM activity_detail`)
		want(pushd.AudienceFollowers, false)
	})
}
