package php_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
)

// charsets are servers that decide themselves in which character set they read
// a session's statements, whatever the client has said. In GBK the backslash
// before a quote can be the second half of a character.
var charsets = map[string][]string{
	"init_connect": {"--init-connect=SET NAMES gbk"},
	"no handshake": {"--character-set-server=gbk", "--skip-character-set-client-handshake"},
}

// strange is a platform on a server of its own, for the user php, who has no
// SUPER: for those who have it init_connect does not run.
func strange(t *testing.T, args []string) *platform {
	t.Helper()
	own, err := mariadb.Start(t.Context(), mariadb.WithGrants(), mariadb.WithArgs(args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop() })
	return platformOn(t, own, "php")
}

// An owner's text stays text on a server that reads GBK: it neither reads what
// is another owner's, nor keeps anybody's reminder from being posted.
func TestCron_OwnersTextOnAServerThatReadsGBK(t *testing.T) {
	for name, args := range charsets {
		t.Run(name, func(t *testing.T) {
			p := strange(t, args)
			p.old(t) // else such an appid can't be stored
			p.account(t, 1, "wx1")
			p.exec(t, "INSERT INTO wx_access_token (appid, access_token, expires_at, secret_hash) VALUES ('wx1', 'marked-token', UNIX_TIMESTAMP() + 1000, LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32))")
			p.account(t, 2, "中' OR appid = 'wx1' -- ")
			p.account(t, 3, "中' AND no_such_column = 1 -- ")
			for uin := 3; uin > 0; uin-- {
				p.channel(t, uin, uin, in(5-uin), 15)
			}
			d := newPushd(t, accepted)
			run := phptest.New(t, p.settings()).With(phptest.Settings{"url": d.URL, "api_key": apiKey}).Cron(t.Context(), t)
			jobs := d.jobs()
			if run.Code != 0 || len(jobs) != 3 {
				t.Fatalf("exit code %d, posted %+v\n%s%s", run.Code, jobs, run.Stdout, run.Stderr)
			}
			for _, j := range jobs {
				if (j.AppID == "wx1") != (j.Token == "marked-token") {
					t.Errorf("%q was posted with the token %q", j.AppID, j.Token)
				}
			}
		})
	}
}

// What every query of PHP's rests on: values come back as they went in.
func TestQuery_ValuesOnAServerThatReadsGBK(t *testing.T) {
	texts := []string{"中', (SELECT 'taken')) -- x", "中\\", "中\\' OR 1 -- ", "\xe4' OR 1=1 -- ", "春季公开课 🎉", `"` + "`;\n", "ｗｘ１"}
	for name, args := range charsets {
		t.Run(name, func(t *testing.T) {
			p := strange(t, args)
			p.exec(t, "CREATE TABLE note (id INT PRIMARY KEY, text VARBINARY(255)) ENGINE=InnoDB")
			for i, text := range texts {
				run := phptest.New(t, p.settings()).Script(t.Context(), t, "testdata/note.php", fmt.Sprint(i), text)
				if run.Code != 0 || run.Stdout != text {
					t.Errorf("%q came back as %q, code %d %s", text, run.Stdout, run.Code, run.Stderr)
				}
				if n := p.number(t, "SELECT COUNT(*) FROM note WHERE id = ? AND text = ?", i, []byte(text)); n != 1 {
					t.Errorf("%q is stored as something else", text)
				}
			}
			if n := p.number(t, "SELECT COUNT(*) FROM note"); n != int64(len(texts)) {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// strangeManager is a cron script whose database is a server of its own.
func strangeManager(t *testing.T) *manager {
	t.Helper()
	own, err := mariadb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop() })
	return managerOn(t, platformOn(t, own, "root"), accepted)
}

// patience is how long a run may take that waits for nothing but a database
// which never answers. PHP's own patience is a day.
const patience = time.Minute

// A database that is there and says nothing when cron connects ends the run,
// with the code that rings; and the next run finds nobody in its way.
func TestCron_DatabaseThatSaysNothing(t *testing.T) {
	own, err := mariadb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop() })
	p := platformOn(t, own, "root")
	p.account(t, 1, "wx1")
	p.channel(t, 1, 1, in(5), 15)
	d := newPushd(t, accepted)
	host := phptest.New(t, p.settings()).With(phptest.Settings{"url": d.URL, "api_key": apiKey, "lock_wait": "0"})
	if err := own.Freeze(); err != nil {
		t.Fatal(err)
	}
	t.Run("silence", func(t *testing.T) {
		for name, set := range map[string]phptest.Settings{
			"frozen":   {},
			"listener": {"lock_file": t.TempDir() + "/lock", "db_dsn": "mysql:host=127.0.0.1;port=" + silent(t) + ";dbname=live;charset=utf8mb4"},
			"socket":   {"lock_file": t.TempDir() + "/lock", "db_dsn": "mysql:unix_socket=" + silentSocket(t) + ";dbname=live;charset=utf8mb4"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				run := host.With(set).Cron(ctx, t)
				if run.Code != 1 || !strings.HasPrefix(run.Stderr, "database: ") {
					t.Errorf("exit code %d (-1: it never ended), %q", run.Code, run.Stderr)
				}
			})
		}
	})
	if err := own.Thaw(); err != nil {
		t.Fatal(err)
	}
	runAs(t, host, 0)
	if jobs := d.jobs(); len(jobs) != 1 {
		t.Errorf("posted %+v", jobs)
	}
}

// silent is the port of a listener that accepts and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(listen(t, "tcp", "127.0.0.1:0").Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// silentSocket is the same behind a unix socket.
func silentSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pushd-silent-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return listen(t, "unix", dir+"/sock").Addr().String()
}

// listen accepts whoever comes, and keeps the connection until the test ends.
func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var kept []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			kept = append(kept, c)
		}
		for _, c := range kept {
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l
}
