package php_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// manager is the cron script under test, the pushd it posts to, and the WeChat
// that gives it tokens.
type manager struct {
	*platform
	pushd  *fakePushd
	wechat *fakeWeChat
	host   *phptest.Host
}

func newManager(t testing.TB, answer func(posted) reply) *manager {
	t.Helper()
	p := newPlatform(t)
	p.account(t, 1, "wx1")
	return managerOn(t, p, answer)
}

func managerOn(t testing.TB, p *platform, answer func(posted) reply) *manager {
	t.Helper()
	d := newPushd(t, answer)
	w := newWeChat(t)
	h := phptest.New(t, p.settings()).With(phptest.Settings{"url": d.URL, "api_key": apiKey, "wechat_url": w.URL, "lock_wait": "0"})
	return &manager{p, d, w, h}
}

// oneByOne makes the order of the posts that of the channels.
func (m *manager) oneByOne() {
	m.host = m.host.With(phptest.Settings{"parallel": "1"})
}

// run runs cron.php and checks its exit code.
func (m *manager) run(t *testing.T, code int) phptest.Run {
	t.Helper()
	return runAs(t, m.host, code)
}

func runAs(t *testing.T, h *phptest.Host, code int) phptest.Run {
	t.Helper()
	run := h.Cron(t.Context(), t)
	if run.Code != code {
		t.Errorf("exit code %d, want %d\n%s%s", run.Code, code, run.Stdout, run.Stderr)
	}
	if all := run.Stdout + run.Stderr; strings.Contains(all, "marked-") {
		t.Errorf("a secret in the output: %s", all)
	}
	return run
}

// want compares what was posted since the last time, in whatever order it came.
func (m *manager) want(t *testing.T, ids ...int64) {
	t.Helper()
	got := m.pushd.taken()
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("posted %v, want %v", got, ids)
	}
}

// wantInOrder is for posts that go one by one.
func (m *manager) wantInOrder(t *testing.T, ids ...int64) {
	t.Helper()
	if got := m.pushd.taken(); !slices.Equal(got, ids) {
		t.Errorf("posted %v, want %v", got, ids)
	}
}

// later makes everything that waits in pushd_php_attempt due.
func (m *manager) later(t *testing.T) {
	t.Helper()
	m.exec(t, "UPDATE pushd_php_attempt SET next_try = UNIX_TIMESTAMP()")
}

// in is a start time so many minutes from now.
func in(minutes int) time.Time { return time.Now().Add(time.Duration(minutes) * time.Minute) }

func TestCron_Due(t *testing.T) {
	m := newManager(t, accepted)
	m.account(t, 2, "wx2")
	m.exec(t, "UPDATE user_wx_config SET status = 0 WHERE uin = 2")
	m.channel(t, 10, 1, in(14), 15)
	m.channel(t, 11, 1, in(16), 15) // not yet
	m.channel(t, 12, 1, in(-1), 0)  // just begun
	m.channel(t, 13, 1, in(1), 0)   // at the start
	m.channel(t, 14, 1, in(-29), 15)
	m.channel(t, 15, 1, in(-31), 15)  // long over
	m.channel(t, 16, 1, in(1000), 15) // far away
	m.channel(t, 17, 1, in(1000), 1440)
	m.channel(t, 18, 2, in(5), 15) // owner switched it off
	m.channel(t, 19, 3, in(5), 15) // owner without an account
	for id, column := range map[int]string{20: "live_notify = 0", 21: "live_notify_status = 1", 22: "live_notify_status = 2", 23: "live_notify_status = 3"} {
		m.channel(t, id, 1, in(5), 15)
		m.exec(t, "UPDATE activity_detail SET "+column+" WHERE act_id = ?", id)
	}
	m.oneByOne()
	run := m.run(t, 0)
	m.wantInOrder(t, 14, 12, 10, 17) // earliest start first
	if lines := strings.Split(strings.TrimSpace(run.Stdout), "\n"); len(lines) != 4 ||
		!strings.Contains(lines[0], "actid=14 ") || !strings.HasSuffix(lines[0], "http=202 accepted job=job14") {
		t.Errorf("%s", run.Stdout)
	}
	if n := m.number(t, "SELECT COUNT(*) FROM activity_detail WHERE live_notify_status = 0"); n != 11 {
		t.Errorf("cron wrote live_notify_status: %d", n)
	}
	// pushd has set the status: nothing is left, and nothing is said.
	m.exec(t, "UPDATE activity_detail SET live_notify_status = 1")
	if run = m.run(t, 0); run.Stdout+run.Stderr != "" {
		t.Errorf("%q %q", run.Stdout, run.Stderr)
	}
	m.want(t)
}

func TestCron_TimeZones(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(14), 15)
	m.channel(t, 2, 1, in(16), 15)
	m.channel(t, 3, 1, in(-29), 15)
	m.channel(t, 4, 1, in(-31), 15)
	for _, zone := range []string{"UTC", "Asia/Shanghai", "America/Los_Angeles"} {
		runAs(t, m.host.With(phptest.Settings{"TZ": zone}), 0)
		m.want(t, 3, 1)
	}
}

func TestCron_Token(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	m.run(t, 0)
	if jobs := m.pushd.jobs(); !reflect.DeepEqual(jobs, []posted{{ActID: 1, AppID: "wx1"}}) {
		t.Errorf("without a cached token: %+v", jobs)
	}
	m.exec(t, "INSERT INTO wx_access_token (appid, access_token, expires_at, secret_hash) VALUES ('wx1', 'marked-token', UNIX_TIMESTAMP() + 1000, LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32))")
	m.run(t, 0)
	if jobs := m.pushd.jobs(); len(jobs) != 1 || jobs[0].Token != "marked-token" || jobs[0].ExpiresIn > 1000 || jobs[0].ExpiresIn < 900 {
		t.Errorf("cached token: %+v", jobs)
	}
	m.exec(t, "UPDATE wx_access_token SET expires_at = UNIX_TIMESTAMP() + 10")
	m.run(t, 0)
	if jobs := m.pushd.jobs(); len(jobs) != 1 || jobs[0].Token != "" {
		t.Errorf("token at its end: %+v", jobs)
	}
}

// Every documented refusal is noted and not posted again every minute.
func TestCron_Refused(t *testing.T) {
	for _, c := range []struct {
		answer reply
		code   int
		line   string
	}{
		{problem(409, "already_notified"), 0, "http=409 refused code=already_notified"},
		{problem(409, "job_ended", "jobReason", "walk_incomplete"), 0, `code=job_ended jobReason="walk_incomplete"`},
		{problem(409, "reminder_off"), 0, "code=reminder_off"},
		{problem(409, "owner_disabled"), 0, "code=owner_disabled"},
		{problem(409, "deadline_passed"), 0, "code=deadline_passed"},
		{problem(409, "appid_mismatch"), 0, "code=appid_mismatch"},
		{problem(409, "of_tomorrow"), 0, "code=of_tomorrow"},
		{problem(404, "channel_not_found"), 2, "http=404 refused code=channel_not_found"},
		{problem(413, "body_too_large"), 2, "http=413 refused code=body_too_large"},
		{problem(422, "invalid_request", "field", "actid"), 2, `code=invalid_request field="actid"`},
		{problem(422, "appid_mismatch", "field", "appid"), 2, `http=422 refused code=appid_mismatch field="appid" detail="because\nso"`},
	} {
		t.Run(c.answer.body.(map[string]any)["code"].(string), func(t *testing.T) {
			m := newManager(t, accepted)
			m.pushd.set(func(p posted) reply {
				if p.ActID == 1 {
					return c.answer
				}
				return accepted(p)
			})
			m.channel(t, 1, 1, in(14), 15)
			m.channel(t, 2, 1, in(13), 15)
			run := m.run(t, c.code)
			m.want(t, 1, 2) // the other one is not held up
			if !strings.Contains(run.Stdout, c.line) || !strings.Contains(run.Stdout, "again_in=120s") {
				t.Errorf("%s", run.Stdout)
			}
			m.run(t, 0)
			m.want(t, 2)
			m.later(t)
			if run = m.run(t, c.code); !strings.Contains(run.Stdout, "again_in=240s") {
				t.Errorf("%s", run.Stdout)
			}
			m.want(t, 1, 2)
			// A moved start is another reminder.
			m.exec(t, "UPDATE activity SET start_time = start_time - 120 WHERE id = 1")
			if run = m.run(t, c.code); !strings.Contains(run.Stdout, "again_in=120s") {
				t.Errorf("%s", run.Stdout)
			}
			m.want(t, 2, 1)
			// Accepted at last: forgotten.
			m.pushd.set(accepted)
			m.later(t)
			m.run(t, 0)
			if n := m.number(t, "SELECT COUNT(*) FROM pushd_php_attempt a JOIN activity USING (start_time)"); n != 0 {
				t.Error("the refusal is still there")
			}
		})
	}
}

// pushd says when a brake of the account is over: that is when it is asked again.
func TestCron_NotBefore(t *testing.T) {
	m := newManager(t, func(posted) reply {
		return problem(409, "too_soon", "notBefore", time.Now().Add(10*time.Minute).UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	})
	m.channel(t, 1, 1, in(14), 15)
	run := m.run(t, 0)
	var seconds int
	if _, after, _ := strings.Cut(run.Stdout, "again_in="); true {
		_, _ = fmt.Sscanf(after, "%ds", &seconds)
	}
	if seconds < 500 || seconds > 601 {
		t.Errorf("asked again in %d s: %s", seconds, run.Stdout)
	}
	m.want(t, 1)
	m.pushd.set(func(posted) reply {
		return problem(409, "too_soon", "notBefore", time.Now().Add(3*time.Hour).UTC().Format(time.RFC3339))
	})
	m.later(t)
	m.run(t, 0)
	m.want(t, 1)
	m.run(t, 0)
	m.want(t) // it is left alone for all of the three hours
	m.pushd.set(func(posted) reply { return problem(409, "too_soon", "notBefore", "soon") })
	m.later(t)
	if run := m.run(t, 0); !strings.Contains(run.Stdout, "again_in=4") {
		t.Errorf("without a time that can be read: %s", run.Stdout)
	}
}

// The wait doubles up to an hour, and what is a day old is removed.
func TestCron_BackOff(t *testing.T) {
	m := newManager(t, func(posted) reply { return problem(409, "job_ended") })
	m.channel(t, 1, 1, in(5), 15)
	for _, seconds := range []int{120, 240, 480, 960, 1920, 3600, 3600} {
		if run := m.run(t, 0); !strings.Contains(run.Stdout, fmt.Sprintf("again_in=%ds\n", seconds)) {
			t.Errorf("want %d: %s", seconds, run.Stdout)
		}
		m.later(t)
	}
	m.exec(t, "UPDATE activity_detail SET live_notify_status = 3")
	m.exec(t, "UPDATE pushd_php_attempt SET next_try = next_try - 90000")
	m.run(t, 0)
	if n := m.number(t, "SELECT COUNT(*) FROM pushd_php_attempt"); n != 0 {
		t.Error("old refusals stay")
	}
}

// What may be corrected is asked for again before the start, however often it was
// refused.
func TestCron_BackOffBeforeTheStart(t *testing.T) {
	m := newManager(t, func(posted) reply { return problem(409, "reminder_off") })
	for _, c := range []struct{ minutes, tries, least, most int }{
		{14, 3, 400, 420}, {14, 9, 400, 420}, {4, 9, 100, 120}, {1, 9, 60, 60}, {-1, 9, 60, 60}, {-20, 9, 600, 620},
	} {
		start := in(c.minutes)
		m.channel(t, 1, 1, start, 15)
		m.exec(t, "INSERT INTO pushd_php_attempt VALUES (1, ?, 1000000000000, ?, 'reminder_off')", start.Unix(), c.tries)
		run := m.run(t, 0)
		var seconds int
		if _, after, _ := strings.Cut(run.Stdout, "again_in="); after != "" {
			fmt.Sscanf(after, "%ds", &seconds)
		}
		if seconds < c.least || seconds > c.most {
			t.Errorf("%d minutes before the start, after %d tries: %s%s", c.minutes, c.tries, run.Stdout, run.Stderr)
		}
		m.exec(t, "DELETE FROM activity; DELETE FROM activity_detail; DELETE FROM pushd_php_attempt")
	}
}

// Reminders go by the database's time: this machine's may be wrong.
func TestCron_ClockOfTheDatabase(t *testing.T) {
	p := strange(t, []string{"--init-connect=SET timestamp = UNIX_TIMESTAMP() + 600"})
	p.account(t, 1, "wx1")
	m := managerOn(t, p, accepted)
	m.channel(t, 1, 1, in(20), 15)
	m.channel(t, 2, 1, in(26), 15)
	m.exec(t, "INSERT INTO wx_access_token (appid, access_token, expires_at, secret_hash) VALUES ('wx1', 'marked-token', UNIX_TIMESTAMP() + 600 + 1000, LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32))")
	run := m.run(t, 0)
	if jobs := m.pushd.jobs(); len(jobs) != 1 || jobs[0].ActID != 1 || jobs[0].ExpiresIn > 1000 || jobs[0].ExpiresIn < 900 {
		t.Errorf("posted: %+v", jobs)
	}
	if !strings.Contains(run.Stderr, " s behind the database's") {
		t.Errorf("%s", run.Stderr)
	}
}

// A lock file that is another's, or a link to what is not a lock, is named with
// what to do.
func TestCron_LockFile(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	dir := t.TempDir()
	write(t, dir+"/precious", "kept")
	if err := os.Symlink(dir+"/precious", dir+"/link.lock"); err != nil {
		t.Fatal(err)
	}
	if run := runAs(t, m.host.With(phptest.Settings{"lock_file": dir + "/link.lock"}), 2); !strings.Contains(run.Stderr, "a symbolic link: remove it") {
		t.Errorf("%s", run.Stderr)
	}
	if text, err := os.ReadFile(dir + "/precious"); err != nil || string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	write(t, dir+"/mine.lock", "")
	if os.Getuid() != 0 {
		return // nobody else can run a program as another user
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	run := m.host.Script(t.Context(), t, "testdata/locked.php", dir+"/mine.lock")
	if !strings.Contains(run.Stdout, "belongs to root: run cron always as the same user") {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
}

func TestCron_Existing(t *testing.T) {
	m := newManager(t, func(posted) reply {
		return reply{status: 200, body: map[string]any{"id": "abc", "state": "running", "existing": true}}
	})
	m.channel(t, 1, 1, in(5), 15)
	if run := m.run(t, 0); !strings.Contains(run.Stdout, "http=200 at work already job=abc") {
		t.Errorf("%s", run.Stdout)
	}
}

// What concerns every channel stops the run after the first.
func TestCron_Stops(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer reply
		code   int
		line   string
	}{
		{"401", reply{status: 401, body: map[string]any{"code": "unauthorized"}}, 2, "api_key"},
		{"another server", reply{status: 404, body: "<html>not found</html>"}, 2, "is url right?"},
		{"another path", problem(404, "not_found"), 2, "is url right?"},
		{"redirect", reply{status: 301}, 2, "is url right?"},
		{"draining", reply{status: 503, body: map[string]any{"code": "unavailable"}}, 1, "takes no jobs now"},
		{"too many", reply{status: 429}, 1, "takes no jobs now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newManager(t, func(posted) reply { return c.answer })
			m.channel(t, 1, 1, in(5), 15)
			m.channel(t, 2, 1, in(6), 15)
			if run := m.run(t, c.code); !strings.Contains(run.Stdout, c.line) || strings.Count(run.Stdout, "\n") != 1 {
				t.Errorf("%s", run.Stdout)
			}
			m.want(t, 1)
			m.pushd.set(accepted) // next minute
			m.run(t, 0)
			m.want(t, 1, 2)
		})
	}
}

func TestCron_RetryAfter(t *testing.T) {
	for name, after := range map[string]string{
		"seconds": "300",
		"date":    time.Now().Add(5 * time.Minute).UTC().Format(http.TimeFormat),
		"absurd":  "99999999",
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, func(posted) reply {
				return reply{status: 503, after: after, body: map[string]any{"code": "unavailable"}}
			})
			m.channel(t, 1, 1, in(5), 15)
			m.run(t, 1)
			m.want(t, 1)
			if run := m.run(t, 1); !strings.Contains(run.Stderr, "pause") {
				t.Errorf("%s", run.Stderr)
			}
			m.want(t)
			if n := m.number(t, "SELECT MAX(next_try) - UNIX_TIMESTAMP() FROM pushd_php_attempt"); n > 300 || n < 60 {
				t.Errorf("waits %d s", n)
			}
			m.pushd.set(accepted)
			m.later(t)
			m.run(t, 0)
			m.want(t, 1)
		})
	}
}

func TestCron_NoAnswer(t *testing.T) {
	t.Run("one channel", func(t *testing.T) {
		m := newManager(t, func(p posted) reply {
			switch p.ActID {
			case 1:
				return reply{} // hangs up
			case 2:
				return reply{status: 502, body: "<html>"}
			case 3:
				return problem(408, "request_timeout")
			}
			return accepted(p)
		})
		for id, minutes := range map[int]int{1: 1, 2: 2, 4: 3, 3: 4} { // 4 between: not three in a row
			m.channel(t, id, 1, in(minutes), 15)
		}
		m.oneByOne()
		run := m.run(t, 1)
		m.wantInOrder(t, 1, 2, 4, 3)
		if !strings.Contains(run.Stdout, "actid=1") || !strings.Contains(run.Stdout, "http=0 no answer") || !strings.Contains(run.Stdout, "HTTP 502") {
			t.Errorf("%s", run.Stdout)
		}
		m.run(t, 1)
		m.wantInOrder(t, 4, 1, 1, 2, 3) // next minute again, behind those who were answered; curl itself asks twice on a kept connection
	})
	t.Run("the more often the further behind", func(t *testing.T) {
		m := newManager(t, accepted)
		m.oneByOne()
		for id := 1; id <= 5; id++ {
			m.channel(t, id, 1, in(id), 15)
		}
		m.exec(t, `INSERT INTO pushd_php_attempt (act_id, start_time, next_try, tries, answer)
			SELECT id, start_time, UNIX_TIMESTAMP(), IF(id < 4, 7, 1), 'no_answer' FROM activity WHERE id < 5`)
		m.run(t, 0)
		m.wantInOrder(t, 5, 4, 1, 2, 3)
	})
	t.Run("nobody there", func(t *testing.T) {
		m := newManager(t, accepted)
		for id := 1; id <= 9; id++ {
			m.channel(t, id, 1, in(id), 15)
		}
		gone := m.host.With(phptest.Settings{"url": "http://127.0.0.1:1"})
		if run := runAs(t, gone, 1); strings.Count(run.Stdout, "no answer") != 3 {
			t.Errorf("%s", run.Stdout)
		}
	})
}

// A second run while the first is at work does nothing.
func TestCron_TwiceAtOnce(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m := newManager(t, func(p posted) reply {
		once.Do(func() { // only the first one waits
			close(arrived)
			<-release
		})
		return accepted(p)
	})
	m.channel(t, 1, 1, in(5), 15)
	first := make(chan phptest.Run, 1)
	go func() { first <- m.host.Cron(t.Context(), t) }()
	select {
	case <-arrived:
	case run := <-first:
		t.Fatalf("did not post: %+v", run)
	}
	if run := m.run(t, 0); run.Stdout != "" || !strings.Contains(run.Stderr, "another run is at work") {
		t.Errorf("%q %q", run.Stdout, run.Stderr)
	}
	close(release)
	if run := <-first; run.Code != 0 {
		t.Errorf("%+v", run)
	}
	m.want(t, 1)
}

// A pushd whose certificate is signed by an authority of its own.
// A run that is at work for longer than a run takes is what a person has to know of.
func TestCron_RunThatDoesNotEnd(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	path := t.TempDir() + "/cron.lock"
	write(t, path, "")
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for age, code := range map[time.Duration]int{0: 0, 30 * time.Second: 0, 2 * time.Minute: 1, 20 * time.Minute: 2} {
		write(t, path, fmt.Sprint(time.Now().Add(-age).Unix()))
		if run := runAs(t, m.host.With(phptest.Settings{"lock_file": path}), code); !strings.Contains(run.Stderr, "another run is at work") {
			t.Errorf("%s: %s", age, run.Stderr)
		}
	}
	m.want(t)
}

func TestCron_TLS(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	s := httptest.NewUnstartedServer(m.pushd)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is meant
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))

	secure := m.host.With(phptest.Settings{"url": s.URL})
	if run := runAs(t, secure, 1); !strings.Contains(run.Stdout, "certificate") {
		t.Errorf("%s", run.Stdout)
	}
	m.want(t)
	runAs(t, secure.With(phptest.Settings{"ca_file": ca}), 0)
	m.want(t, 1)
}

func TestCron_BadSettings(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	for _, c := range []struct {
		name string
		set  phptest.Settings
		code int
		want string
	}{
		{"no key", phptest.Settings{"api_key": " "}, 2, "api_key is not set"},
		{"plain text", phptest.Settings{"url": "http://pushd.example:8080"}, 2, "allow_plaintext"},
		{"no address", phptest.Settings{"url": "pushd:8080"}, 2, "url: want"},
		{"lock file", phptest.Settings{"lock_file": "/nonexistent/x"}, 2, "/nonexistent/x"},
		{"database", phptest.Settings{"db_dsn": "mysql:unix_socket=/nonexistent", "db_password": "marked-db-password"}, 1, "database:"},
		{"driver", phptest.Settings{"db_dsn": "odd:x", "db_password": "marked-db-password"}, 1, "database:"},
		{"tables", phptest.Settings{"due_query": "SELECT nothing FROM nowhere"}, 1, "nowhere"},
		{"wrong key", phptest.Settings{"api_key": "marked-wrong"}, 2, ""},
		{"no number", phptest.Settings{"parallel": "many"}, 2, "parallel: want a whole number from 1 to 200"},
		{"too many", phptest.Settings{"parallel": "201"}, 2, "parallel: want"},
		{"none", phptest.Settings{"batch": "0"}, 2, "batch: want"},
		{"less than none", phptest.Settings{"prefetch": "-1"}, 2, "prefetch: want"},
		{"no time", phptest.Settings{"run_time": "soon"}, 2, "run_time: want"},
		{"no lead", phptest.Settings{"lead": "1d"}, 2, "lead: want"},
		{"a key's file", phptest.Settings{"api_key": "", "api_key_file": "/nonexistent/key"}, 2, "cannot read the file /nonexistent/key, which PUSHD_API_KEY_FILE of the environment names"},
		{"a key of two lines", phptest.Settings{"api_key": apiKey + "\nX-Other: header"}, 2, "api_key: holds a line break"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := runAs(t, m.host.With(c.set), c.code)
			if !strings.Contains(run.Stderr, c.want) {
				t.Errorf("%s", run.Stderr)
			}
			m.want(t)
		})
	}
	// Several keys, as in pushd's own setting: the first is used.
	runAs(t, m.host.With(phptest.Settings{"api_key": ", cron:" + apiKey + ",marked-next"}), 0)
	m.want(t, 1)
}

// config.php changes what it names; a name it does not know is an error.
func TestConfigFile(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	m.channel(t, 2, 1, in(14), 15)
	dir := t.TempDir()
	write(t, dir+"/key", apiKey+"\n")
	for _, c := range []struct {
		text string
		code int
		want string
	}{
		{"['lead' => '6m', 'api_key_file' => '" + dir + "/key']", 0, ""},
		{"['bach' => 1]", 2, "unknown setting 'bach'"},
		{"['api_key_file' => '/nonexistent']", 2, "api_key: cannot read"},
		{"['api_key' => ['x']]", 2, "api_key: want one value"},
		{"17", 2, "must return an array"},
	} {
		write(t, dir+"/config.php", "<?php return "+c.text+";")
		run := runAs(t, m.host.With(phptest.Settings{"api_key": "", "PUSHD_PHP_CONFIG": dir + "/config.php"}), c.code)
		if !strings.Contains(run.Stderr, c.want) {
			t.Errorf("%s: %s", c.text, run.Stderr)
		}
	}
	m.want(t, 1)
}

// An address that answers everything with 200 is not pushd: nobody would hear of
// the reminders, and every run would look well.
func TestCron_AnswersThatAreNotPushds(t *testing.T) {
	for name, answer := range map[string]reply{
		"a web page":    {status: 200, body: "<html>welcome</html>"},
		"other JSON":    {status: 202, body: map[string]any{"ok": true}},
		"an id alone":   {status: 200, body: map[string]any{"id": "abc"}},
		"a proxy's 503": {status: 503, after: "3600", body: "<html>busy</html>"},
		"odd kinds":     {status: 200, body: map[string]any{"id": 7, "state": []string{}}},
		"too much":      {status: 503, after: "3600", body: map[string]any{"code": "unavailable", "detail": strings.Repeat("x", 2<<20)}}, // an endless one would be the end of PHP
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, func(posted) reply { return answer })
			m.channel(t, 1, 1, in(5), 15)
			code := 2
			if answer.status == 503 {
				code = 1
			}
			m.run(t, code)
			m.pushd.set(accepted)
			m.run(t, 0) // nothing asks for a pause
			m.want(t, 1, 1)
		})
	}
}

// What pushd can't do for one channel is no reason to leave those behind it.
func TestCron_OneChannelsTroubleStopsNoOther(t *testing.T) {
	m := newManager(t, func(p posted) reply {
		if p.ActID <= 3 {
			return problem(500, "internal_error")
		}
		return accepted(p)
	})
	for id := 1; id <= 5; id++ {
		m.channel(t, id, 1, in(id), 15)
	}
	m.run(t, 1)
	m.want(t, 1, 2, 3, 4, 5)
	m.run(t, 0)
	m.want(t, 4, 5) // the first three back off
}

// Marks that a clock wrote which was a day ahead stop nothing.
func TestCron_MarksFromTheFuture(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	m.run(t, 0)
	m.want(t, 1)
	m.exec(t, "INSERT INTO pushd_php_attempt (act_id, start_time, next_try, tries, answer) VALUES (0, 0, UNIX_TIMESTAMP() + 86400, 1, 'pause')")
	m.exec(t, "INSERT INTO pushd_php_attempt (act_id, start_time, next_try, tries, answer) SELECT id, start_time, UNIX_TIMESTAMP() + 86520, 1, 'job_ended' FROM activity")
	m.run(t, 0)
	m.want(t, 1)
}

// The book-keeping of refusals can be missing: reminders go out all the same, and a
// person reads what to do.
func TestCron_WithoutItsOwnTable(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	query := "SELECT a.id AS act_id, a.start_time, w.appid FROM activity a JOIN user_wx_account w ON w.uin = a.uin WHERE a.start_time > :oldest AND :oldest < :now"
	m.exec(t, "DROP TABLE pushd_php_attempt")
	if run := runAs(t, m.host.With(phptest.Settings{"due_query": query}), 2); strings.Count(run.Stderr, "run php migrate.php") != 1 {
		t.Errorf("%s", run.Stderr)
	}
	m.want(t, 1)
}

// The key goes to pushd, not to a proxy that the environment names.
func TestCron_ProxiesOfTheEnvironment(t *testing.T) {
	m := newManager(t, accepted)
	m.channel(t, 1, 1, in(5), 15)
	asked := make(chan string, 9)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	m.run(t, 0)
	m.want(t, 1)
	if len(asked) > 0 {
		t.Errorf("the proxy got %s", <-asked)
	}
}
