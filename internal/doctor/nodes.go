package doctor

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"pushd/internal/mysqlconn"
	"pushd/internal/settings"
)

// skewMax is how far clocks may be apart: the database's from this machine's, and
// those of its nodes. Jobs go by the database's alone, but if two differ one of
// them is wrong, and a job that goes on with another node would see its deadline
// and its windows jump.
const skewMax = time.Second

// member is one of the hosts that the DSN names.
type member struct {
	host     string
	db       *sql.DB
	cluster  string // by which those of one cluster are known; "" is none
	readOnly bool
	ahead    offset // of this machine's clock
}

// offset is by how much a clock is ahead of this machine's: something between two
// durations, for the answer was on its way.
type offset struct{ from, to time.Duration }

// apart is by how much two clocks differ at least.
func (s offset) apart(o offset) time.Duration { return max(s.from-o.to, o.from-s.to, 0) }

// checkNodes looks at each of several hosts that the DSN names, and at how they go
// together. Of one host there is nothing to say.
func checkNodes(ctx context.Context, r *report, dsn settings.Secret, zone *time.Location) {
	hosts := mysqlconn.Hosts(string(dsn))
	if len(hosts) < 2 {
		return
	}
	var all []member
	for _, host := range hosts {
		db, err := openDatabase(settings.Secret(mysqlconn.OneHost(string(dsn), host)), zone)
		if err != nil {
			r.fail("nodes", "%s: %v", host, err)
			continue
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		m := member{host: host, db: db}
		if err := m.ask(ctx); err != nil {
			r.warn("nodes", "%s does not answer: %v", host, err)
			continue
		}
		all = append(all, m)
	}
	checkTogether(r, all)
	checkClocks(r, all)
	checkEachReads(ctx, r, all)
}

// ask looks at one of them.
func (m *member) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var version, readOnly string
	if err := m.db.QueryRowContext(ctx, "SELECT VERSION(), @@global.read_only").Scan(&version, &readOnly); err != nil {
		return err
	}
	m.readOnly = sameValue(readOnly, "1")
	var err error
	if m.ahead, err = clockAhead(ctx, m.db); err != nil {
		return err
	}
	// What a user may not read does not tell.
	switch {
	case strings.Contains(version, "TiDB"):
		m.cluster = "TiDB"
	case m.db.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_cluster_state_uuid'").Scan(new(string), &m.cluster) == nil && strings.Trim(m.cluster, "0-") != "":
	case m.db.QueryRowContext(ctx, "SELECT @@global.group_replication_group_name").Scan(&m.cluster) == nil:
	default:
		m.cluster = ""
	}
	return nil
}

// clockAhead is by how much the clock of the database is ahead of this machine's.
func clockAhead(ctx context.Context, db *sql.DB) (offset, error) {
	var clock float64
	before := time.Now()
	err := db.QueryRowContext(ctx, "SELECT UNIX_TIMESTAMP(SYSDATE(6))").Scan(&clock)
	at := time.UnixMicro(int64(clock * 1e6))
	return offset{time.Until(at), at.Sub(before)}, err
}

// checkTogether looks whether what is committed on one is on the others.
func checkTogether(r *report, all []member) {
	var strangers, writers []string
	for _, m := range all {
		if m.cluster == "" || m.cluster != all[0].cluster {
			strangers = append(strangers, m.host)
			if !m.readOnly {
				writers = append(writers, m.host)
			}
		}
	}
	switch {
	case len(all) < 2:
	case len(strangers) == 0:
		r.ok("nodes", "%d of one cluster", len(all))
	case len(writers) > 1 || len(writers) == 1 && len(strangers) < len(all):
		r.fail("nodes", "%s take writes and are no nodes of one cluster: pushd would lose jobs when it goes from one to the other; name one in PUSHD_MYSQL_DSN", hostsOf(all))
	default:
		r.warn("nodes", "%s are no nodes of one cluster. If they are replicas, asynchronous replication loses what was committed last when one takes over, and recipients may get the message twice: see \"After a restore\" in docs/operations.md", strings.Join(strangers, ", "))
	}
}

func hostsOf(all []member) string {
	var names []string
	for _, m := range all {
		names = append(names, m.host)
	}
	return strings.Join(names, ", ")
}

// checkClocks compares their clocks.
func checkClocks(r *report, all []member) {
	for i, m := range all {
		for _, other := range all[:i] {
			if by := m.ahead.apart(other.ahead); by > skewMax {
				r.warn("clock", "those of %s and %s are %v apart; run NTP on both", other.host, m.host, by.Round(100*time.Millisecond))
			}
		}
	}
}

// checkEachReads writes over each that takes writes, and reads back over all.
func checkEachReads(ctx context.Context, r *report, all []member) {
	var conns []*sql.Conn
	for _, m := range all {
		if m.readOnly {
			continue
		}
		c, err := m.db.Conn(ctx)
		if err != nil {
			r.warn("nodes", "%s: %v", m.host, err)
			continue
		}
		defer c.Close()
		conns = append(conns, c)
	}
	if len(conns) < 2 || all[0].cluster == "" {
		return
	}
	stale, err := readBack(ctx, conns)
	switch {
	case err != nil:
		r.fail("nodes", "write to pushd_template: %v", err)
	case stale > 0:
		r.fail("nodes", "%d of %d reads did not see what was just written on another node: leave wsrep_sync_wait and group_replication_consistency out of PUSHD_MYSQL_DSN", stale, len(conns)*len(conns))
	default:
		r.ok("nodes", "each sees at once what another wrote")
	}
}
