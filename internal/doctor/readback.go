package doctor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"
)

// readers is how many connections look at what another one wrote.
const readers = 4

// checkReadBack writes a row over each of several connections and reads it
// back over all: a proxy that sends reads to a replica would have pushd send
// by a ledger of some seconds ago.
func checkReadBack(ctx context.Context, r *report, db *sql.DB) {
	conns, err := connect(ctx, db, readers)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if err != nil {
		r.fail("read back", "%d connections at once: %v", readers, err)
		return
	}
	checkOneServer(ctx, r, conns)
	stale, err := readBack(ctx, conns)
	if err != nil {
		r.fail("read back", "write to pushd_template: %v", err)
		return
	}
	if stale > 0 {
		r.fail("read back", "%d of %d reads did not see what was just written; point PUSHD_MYSQL_DSN at the primary, without read/write splitting", stale, readers*readers)
		return
	}
	r.ok("read back", "every connection sees at once what another wrote")
}

// readBack writes a row over each connection and reads it back over all. It says
// how many reads did not see it.
func readBack(ctx context.Context, conns []*sql.Conn) (stale int, err error) {
	row := scratch("pushd-check-" + rand.Text())
	defer row.remove(context.WithoutCancel(ctx), conns[0])
	for _, writer := range conns {
		value := rand.Text()
		if err := row.write(ctx, writer, value); err != nil {
			return 0, err
		}
		for _, reader := range conns {
			if got, err := row.read(ctx, reader); err != nil || got != value {
				stale++
			}
		}
	}
	return stale, nil
}

// connect opens n connections that are open at the same time.
func connect(ctx context.Context, db *sql.DB, n int) ([]*sql.Conn, error) {
	var conns []*sql.Conn
	for range n {
		c, err := db.Conn(ctx)
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// checkOneServer warns if the connections end at different servers.
func checkOneServer(ctx context.Context, r *report, conns []*sql.Conn) {
	seen := make(map[string]bool)
	for _, c := range conns {
		var name string
		if c.QueryRowContext(ctx, "SELECT CONCAT(@@hostname, '/', @@server_id)").Scan(&name) == nil {
			seen[name] = true
		}
	}
	if len(seen) > 1 {
		r.warn("read back", "connections end at %d different servers; all must be one cluster that never reads stale rows", len(seen))
	}
}

// scratch is the appid of a row of pushd_template that belongs to this check.
type scratch string

func (s scratch) write(ctx context.Context, c *sql.Conn, value string) error {
	_, err := c.ExecContext(ctx, `
INSERT INTO pushd_template (appid, template_id, content, texts, url, updated_at) VALUES (?, 'check', ?, '{}', '', 0)
ON DUPLICATE KEY UPDATE content = VALUES(content)`, string(s), value)
	return err
}

func (s scratch) read(ctx context.Context, c *sql.Conn) (value string, err error) {
	err = c.QueryRowContext(ctx, "SELECT content FROM pushd_template WHERE appid = ? AND template_id = 'check'", string(s)).Scan(&value)
	return value, err
}

func (s scratch) remove(ctx context.Context, c *sql.Conn) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// What stays behind if this fails is one row that no account has.
	_, _ = c.ExecContext(ctx, "DELETE FROM pushd_template WHERE appid = ?", string(s))
}
