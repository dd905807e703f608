package php_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// channels adds channels 1 to n, each with an owner and an account of its own,
// all due; the earlier the start, the lower the id.
func (m *manager) channels(t testing.TB, n int) {
	t.Helper()
	m.manyAccounts(t, n)
	m.exec(t, fmt.Sprintf("INSERT INTO activity (id, uin, title, start_time) SELECT seq, seq, 't', %d + seq DIV 10 FROM seq_1_to_%d", in(-20).Unix(), n))
	m.exec(t, fmt.Sprintf("INSERT INTO activity_detail (act_id, live_notify, live_notify_time) SELECT seq, 1, 15 FROM seq_1_to_%d", n))
}

// manyAccounts adds owners 1 to n with the accounts wx1, wx2, …
func (m *manager) manyAccounts(t testing.TB, n int) {
	t.Helper()
	m.exec(t, fmt.Sprintf("REPLACE INTO user_wx_account (uin, appid, app_secret) SELECT seq, CONCAT('wx', seq), '%s' FROM seq_1_to_%d", appSecret, n))
	m.exec(t, fmt.Sprintf("REPLACE INTO user_wx_config (uin, status) SELECT seq, 1 FROM seq_1_to_%d", n))
}

// from1to returns 1, 2, … n.
func from1to(n int) (ids []int64) {
	for i := range n {
		ids = append(ids, int64(i+1))
	}
	return ids
}

// lines counts the lines of a run that name a channel, and those that are of
// its own channel alone.
func lines(run phptest.Run) (all, channels int) {
	found := regexp.MustCompile(`(?m)^\S+ actid=(\d+) `).FindAllStringSubmatch(run.Stdout, -1)
	ids := map[string]bool{}
	for _, f := range found {
		ids[f[1]] = true
	}
	return len(found), len(ids)
}

// Three thousand channels that fall due in one minute are posted by one run,
// each once, whether pushd's status is seen at once or not.
func TestCron_ThousandsInOneRun(t *testing.T) {
	for _, flips := range []bool{true, false} {
		t.Run(fmt.Sprintf("status written %v", flips), func(t *testing.T) {
			const n = 3000
			var m *manager
			m = newManager(t, func(p posted) reply {
				if flips {
					if _, err := m.ExecContext(t.Context(), "UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = ?", p.ActID); err != nil {
						t.Error(err)
					}
				}
				return accepted(p)
			})
			m.SetMaxOpenConns(20)
			m.channels(t, n)
			run := m.run(t, 0)
			m.want(t, from1to(n)...)
			if all, channels := lines(run); all != n || channels != n {
				t.Errorf("%d lines of %d channels", all, channels)
			}
			if c := m.pushd.connections.Load(); c > 16 {
				t.Errorf("%d connections", c)
			}
			if calls := m.wechat.asked(); len(calls) != 0 {
				t.Errorf("asked WeChat for %d tokens, for what is due", len(calls))
			}
		})
	}
}

// A run goes on beyond the first read, also where what it has handled stays due
// for good: at work already, refused, without an answer.
func TestCron_ReadsOn(t *testing.T) {
	existing := func(p posted) reply {
		return reply{status: 200, body: map[string]any{"id": "abc", "state": "running"}}
	}
	for name, answer := range map[string]func(posted) reply{
		"accepted": accepted,
		"at work":  existing,
		"refused":  func(posted) reply { return problem(409, "job_ended") },
		"some of each": func(p posted) reply {
			return []func(posted) reply{existing, accepted, func(posted) reply { return problem(500, "internal_error") }}[p.ActID%3](p)
		},
	} {
		for _, batch := range []string{"1", "7", "50", "51"} {
			t.Run(name+" "+batch, func(t *testing.T) {
				m := newManager(t, answer)
				m.channels(t, 50)
				m.host = m.host.With(phptest.Settings{"batch": batch})
				run := m.host.Cron(t.Context(), t)
				m.want(t, from1to(50)...)
				if all, channels := lines(run); all != 50 || channels != 50 || run.Stderr != "" {
					t.Errorf("%d lines of %d channels: %s", all, channels, run.Stderr)
				}
			})
		}
	}
}

// A query of the platform's own that knows nothing of :latest or :limit works,
// and one that gives a channel twice has it posted once.
func TestCron_OwnDueQuery(t *testing.T) {
	for _, query := range []string{
		"SELECT a.id AS act_id, a.start_time, w.appid FROM activity a JOIN user_wx_account w ON w.uin = a.uin WHERE a.start_time > :oldest ORDER BY a.start_time LIMIT :limit",
		"SELECT a.id AS act_id, a.start_time, w.appid FROM activity a JOIN user_wx_account w ON w.uin = a.uin WHERE a.start_time < :now",
		"SELECT a.id AS act_id, a.start_time, w.appid FROM activity a JOIN user_wx_account w ON w.uin = a.uin, seq_1_to_2 ORDER BY a.start_time, a.id LIMIT 13",
	} {
		m := newManager(t, accepted)
		m.channels(t, 20)
		runAs(t, m.host.With(phptest.Settings{"due_query": query, "batch": "3"}), 0)
		if got := m.pushd.taken(); strings.Contains(query, "13") {
			if !slices.Equal(sorted(got), from1to(7)) {
				t.Errorf("%s: posted %v", query, got)
			}
		} else if !slices.Equal(sorted(got), from1to(20)) {
			t.Errorf("%s: posted %v", query, got)
		}
	}
}

func sorted(ids []int64) []int64 {
	slices.Sort(ids)
	return ids
}

// waves is a pushd that answers nothing until a wave of posts is complete: the
// first alone, the next ones of `size` each.
type waves struct {
	size   int
	answer func(wave int, p posted) reply

	mu       sync.Mutex
	inFlight int
	most     int
	all      []*wave
}

type wave struct {
	ids  []int64
	full chan struct{}
}

func (w *waves) take(t *testing.T, p posted) reply {
	w.mu.Lock()
	w.inFlight++
	w.most = max(w.most, w.inFlight)
	if len(w.all) == 0 || len(w.all) == 1 || len(w.all[len(w.all)-1].ids) == w.size {
		w.all = append(w.all, &wave{full: make(chan struct{})})
	}
	n := len(w.all) - 1
	mine := w.all[n]
	mine.ids = append(mine.ids, p.ActID)
	complete := n == 0 || len(mine.ids) == w.size
	w.mu.Unlock()
	if complete {
		time.Sleep(20 * time.Millisecond) // for one too many, if there is one
		close(mine.full)
	}
	select {
	case <-mine.full:
	case <-t.Context().Done():
	}
	w.mu.Lock()
	w.inFlight--
	w.mu.Unlock()
	if !complete {
		time.Sleep(20 * time.Millisecond) // one answer is there before the others
	}
	return w.answer(n, p)
}

func newWaves(t *testing.T, size int, answer func(wave int, p posted) reply) (*manager, *waves) {
	w := &waves{size: size, answer: answer}
	m := newManager(t, func(p posted) reply { return w.take(t, p) })
	m.host = m.host.With(phptest.Settings{"parallel": fmt.Sprint(size)})
	return m, w
}

// As many posts as allowed are in flight, never more; those that start first go
// first; and before pushd has answered at all one post finds out.
func TestCron_Parallel(t *testing.T) {
	for _, size := range []int{2, 16} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			m, w := newWaves(t, size, func(_ int, p posted) reply { return accepted(p) })
			m.channels(t, 1+5*size)
			m.run(t, 0)
			if len(w.all) != 6 || w.most != size {
				t.Fatalf("%d waves, at most %d in flight", len(w.all), w.most)
			}
			next := int64(1)
			for i, one := range w.all {
				slices.Sort(one.ids)
				for _, id := range one.ids {
					if id != next {
						t.Errorf("wave %d is %v", i, one.ids)
						break
					}
					next++
				}
			}
		})
	}
}

// One channel whose post hangs holds up nobody, though it is the first.
func TestCron_FirstPostHangs(t *testing.T) {
	const n = 40
	var others atomic.Int64
	done := make(chan struct{})
	m := newManager(t, func(p posted) reply {
		if p.ActID != 1 {
			if others.Add(1) == n-1 {
				close(done)
			}
			return accepted(p)
		}
		select {
		case <-done:
		case <-t.Context().Done():
		}
		return accepted(p)
	})
	m.channels(t, n)
	m.run(t, 0)
	m.want(t, from1to(n)...)
}

// What concerns every channel ends the run with the posts that are in flight:
// each has its line, none is added.
func TestCron_StopsInFlight(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer reply
		code   int
		line   string
	}{
		{"401", reply{status: 401, body: map[string]any{"code": "unauthorized"}}, 2, "api_key"},
		{"another server", reply{status: 200, body: "<html>hello</html>"}, 2, "is url right?"},
		{"draining", reply{status: 503, after: "60", body: map[string]any{"code": "unavailable"}}, 1, "takes no jobs now"},
		{"too many", reply{status: 429, after: "60"}, 1, "takes no jobs now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, w := newWaves(t, 4, func(wave int, p posted) reply {
				if wave == 2 {
					return c.answer
				}
				return accepted(p)
			})
			m.channels(t, 50)
			run := m.run(t, c.code)
			if len(w.all) != 3 || len(m.pushd.taken()) != 9 {
				t.Errorf("%d waves", len(w.all))
			}
			if all, channels := lines(run); all != 9 || channels != 9 || strings.Count(run.Stdout, c.line) != 4 || strings.Count(run.Stdout, "accepted") != 5 {
				t.Errorf("%s", run.Stdout)
			}
		})
	}
	t.Run("the longest pause", func(t *testing.T) {
		m, _ := newWaves(t, 4, func(wave int, p posted) reply {
			if wave == 0 {
				return accepted(p)
			}
			return reply{status: 503, after: fmt.Sprint(100 + 40*(p.ActID%3)), body: map[string]any{"code": "unavailable"}}
		})
		m.channels(t, 50)
		m.run(t, 1)
		if n := m.number(t, "SELECT next_try - UNIX_TIMESTAMP() FROM pushd_php_attempt WHERE act_id = 0"); n <= 140 || n > 180 {
			t.Errorf("waits %d s", n)
		}
	})
}

// Posts that come to nothing end the run only where nobody else is answered.
func TestCron_NoAnswerInFlight(t *testing.T) {
	t.Run("some", func(t *testing.T) {
		m := newManager(t, func(p posted) reply {
			if p.ActID%5 == 0 {
				return reply{} // hangs up at once, before others have an answer
			}
			return accepted(p)
		})
		m.channels(t, 100)
		run := m.run(t, 1)
		if all, channels := lines(run); all != 100 || channels != 100 || strings.Count(run.Stdout, "no answer") != 20 {
			t.Errorf("%d lines of %d channels", all, channels)
		}
	})
	t.Run("all but one", func(t *testing.T) {
		var m *manager
		m, _ = newWaves(t, 4, func(wave int, p posted) reply {
			if wave != 1 {
				return accepted(p)
			}
			if p.ActID != 3 {
				return reply{status: 502, body: "<html>"}
			}
			m.wait(t, 3, "SELECT COUNT(*) FROM pushd_php_attempt WHERE answer = 'no_answer'") // until cron knows of the others
			return accepted(p)
		})
		m.channels(t, 13)
		run := m.run(t, 1)
		if all, channels := lines(run); all != 13 || channels != 13 || strings.Count(run.Stdout, "accepted") != 10 {
			t.Errorf("%s", run.Stdout)
		}
	})
	t.Run("all from then on", func(t *testing.T) {
		m, _ := newWaves(t, 4, func(wave int, p posted) reply {
			if wave < 3 {
				return accepted(p)
			}
			return reply{status: 502, body: "<html>"}
		})
		m.channels(t, 50)
		run := m.run(t, 1)
		all, channels := lines(run)
		if all != channels || strings.Count(run.Stdout, "accepted") != 9 || strings.Count(run.Stdout, "no answer") != 4 {
			t.Errorf("%s", run.Stdout)
		}
	})
}

// A run that has no time left says so, and the next one goes on.
func TestCron_OutOfTime(t *testing.T) {
	const n = 200
	ended := make(chan struct{})
	var once sync.Once
	var m *manager
	m = newManager(t, func(p posted) reply {
		if p.ActID == 20 {
			<-ended // until the time is up
		}
		if _, err := m.ExecContext(t.Context(), "UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = ?", p.ActID); err != nil {
			t.Error(err)
		}
		return accepted(p)
	})
	m.oneByOne()
	m.channels(t, n)
	short := m.host.With(phptest.Settings{"run_time": "2s"})
	time.AfterFunc(3*time.Second, func() { once.Do(func() { close(ended) }) })
	run := runAs(t, short, 1)
	if got := m.pushd.taken(); len(got) > 20 || !strings.Contains(run.Stderr, "out of time") {
		t.Errorf("posted %v: %s", got, run.Stderr)
	}
	m.run(t, 0)
	if left := m.number(t, "SELECT COUNT(*) FROM activity_detail WHERE live_notify_status = 0"); left != 0 {
		t.Errorf("%d are left", left)
	}
}

// A pushd that takes everything and answers nothing, and a database that hangs
// in the middle of a run, end it in time, with the code that rings, and with a
// line for what was posted.
func TestCron_HangsInTheMiddle(t *testing.T) {
	t.Run("pushd", func(t *testing.T) {
		t.Parallel()
		m := newManager(t, func(p posted) reply {
			<-t.Context().Done()
			return reply{}
		})
		m.channels(t, 50)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		run := m.host.Cron(ctx, t)
		all, channels := lines(run)
		if run.Code != 1 || all == 0 || all != channels || all != len(m.pushd.taken()) {
			t.Errorf("exit code %d (-1: it never ended), %d lines: %s%s", run.Code, all, run.Stdout, run.Stderr)
		}
	})
	t.Run("database", func(t *testing.T) {
		t.Parallel()
		m := strangeManager(t)
		var once sync.Once
		m.pushd.set(func(p posted) reply {
			once.Do(func() {
				if err := m.server.Freeze(); err != nil {
					t.Error(err)
				}
			})
			return accepted(p)
		})
		m.channels(t, 50)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		run := m.host.Cron(ctx, t)
		if err := m.server.Thaw(); err != nil {
			t.Fatal(err)
		}
		posted := m.pushd.taken()
		if all, channels := lines(run); run.Code != 1 || all != channels || all != len(posted) || !strings.Contains(run.Stderr, "database: ") {
			t.Errorf("exit code %d (-1: it never ended), %d lines of %v: %s%s", run.Code, all, posted, run.Stdout, run.Stderr)
		}
		m.run(t, 0)
		if len(posted) == 50 || len(m.pushd.taken()) == 0 {
			t.Errorf("posted %v before the end", posted)
		}
	})
}

// How many rows the query reads for its answer, out of 200,000 channels: those
// of an index on the start time that may be due. Everything else about the
// channels is as bad as it can be.
func TestDueQuery_ReadsFewRows(t *testing.T) {
	m := newManager(t, accepted)
	const many = 200000
	m.exec(t, "INSERT INTO user_wx_account (uin, appid, app_secret) SELECT seq, CONCAT('wx', seq), 's' FROM seq_2_to_1000")
	m.exec(t, "INSERT INTO user_wx_config (uin, status) SELECT seq, 1 FROM seq_2_to_1000")
	// One every minute and a half, 104 days back and ahead.
	m.exec(t, fmt.Sprintf("INSERT INTO activity (id, uin, title, start_time) SELECT seq, 1 + seq %% 1000, 't', UNIX_TIMESTAMP() + 90 * (CAST(seq AS SIGNED) - %d) FROM seq_1_to_%d", many/2, many))
	for name, c := range map[string]struct{ on, status string }{
		"none reminded, as after a year of switches off": {"1", "0"},
		"past ones done":                   {"1", "IF(seq < 100000, 2, 0)"},
		"every tenth wants to be reminded": {"IF(seq % 10 = 0, 1, 0)", "IF(seq < 100000, 2, 0)"},
		"all are sent but the next":        {"1", "IF(seq BETWEEN 99990 AND 100010, 0, 2)"},
	} {
		t.Run(name, func(t *testing.T) {
			m.exec(t, "TRUNCATE activity_detail")
			m.exec(t, fmt.Sprintf("INSERT INTO activity_detail (id, act_id, live_notify, live_notify_time, live_notify_status) SELECT seq, seq, %s, 15, %s FROM seq_1_to_%d", c.on, c.status, many))
			m.exec(t, "ANALYZE TABLE activity, activity_detail, user_wx_account, user_wx_config, pushd_php_attempt")
			plan, read, found := m.explain(t)
			t.Logf("%d rows read for %d: %v", read, found, plan)
			// The index holds a thousand channels between :oldest and :latest.
			if found == 0 || read > many/20 {
				t.Errorf("%d rows read for %d: %v", read, found, plan)
			}
			if c.status != "IF(seq BETWEEN 99990 AND 100010, 0, 2)" && plan["a"] != "activity_start_time" {
				t.Errorf("the channels are found by %v", plan)
			}
		})
	}
}

// explain runs the default query as cron does, and returns which index each
// table is read by, how many rows the server touched, and how many it gave.
func (m *manager) explain(t *testing.T) (plan map[string]string, read, found int64) {
	t.Helper()
	query := m.host.Script(t.Context(), t, "testdata/setting.php", "due_query").Stdout
	values := map[string]int64{":now": in(0).Unix(), ":oldest": in(-30).Unix(), ":latest": in(24 * 60).Unix(), ":limit": 2000}
	query = regexp.MustCompile(`:(now|oldest|latest|limit)\b`).ReplaceAllStringFunc(query, func(name string) string {
		return fmt.Sprint(values[name])
	})
	conn, err := m.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	plan = map[string]string{}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN "+query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, selectType, table, kind, possible, key, keyLen, ref, n, extra sql.NullString
		if err := rows.Scan(&id, &selectType, &table, &kind, &possible, &key, &keyLen, &ref, &n, &extra); err != nil {
			t.Fatal(err)
		}
		plan[table.String] = key.String
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "FLUSH STATUS"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM ("+query+") found").Scan(&found); err != nil {
		t.Fatal(err)
	}
	err = conn.QueryRowContext(t.Context(), "SELECT SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME LIKE 'HANDLER_READ%'").Scan(&read)
	if err != nil {
		t.Fatal(err)
	}
	return plan, read, found
}

// How many channels a run posts in a second, to a pushd that takes 7 ms.
func BenchmarkCron(b *testing.B) {
	const n = 500
	for _, parallel := range []string{"1", "4", "16", "64"} {
		b.Run("parallel="+parallel, func(b *testing.B) {
			m := newManager(b, func(p posted) reply {
				time.Sleep(7 * time.Millisecond)
				return accepted(p)
			})
			m.channels(b, n)
			m.host = m.host.With(phptest.Settings{"parallel": parallel})
			for b.Loop() {
				m.host.Cron(b.Context(), b)
				if got := len(m.pushd.taken()); got != n {
					b.Fatalf("posted %d", got)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "channels/s")
		})
	}
}
