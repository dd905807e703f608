package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The pool's opener ends a moment after Close returns.
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, opts ...Option) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func count(t *testing.T, s *Server, db, query string) (n int) {
	t.Helper()
	err := s.with(db, func(d *sql.DB) error { return d.QueryRow(query).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What was committed outlives a kill, as it must for the crash tests.
func TestServer_KillAndRestart(t *testing.T) {
	s := start(t)
	ctx := context.Background()
	db, err := s.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(ctx, db, "CREATE TABLE t (a INT) ENGINE=InnoDB; INSERT INTO t VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := s.ping(ctx); err == nil {
		t.Fatal("a killed server answers")
	}
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, db, "SELECT COUNT(*) FROM t"); n != 2 {
		t.Errorf("%d rows after kill and restart, want 2", n)
	}
}

func TestServer_DatabasesAreApart(t *testing.T) {
	s := start(t)
	a, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a == b {
		t.Errorf("both are called %s", a)
	}
	if !strings.HasSuffix(s.DSN(a), "/"+a) {
		t.Errorf("DSN(%q) = %q", a, s.DSN(a))
	}
}

func TestServer_StopRemovesEverything(t *testing.T) {
	s := start(t)
	if fi, err := os.Stat(s.dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Fatalf("directory: %v %v, want mode 0700", fi, err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory is still there: %v", err)
	}
	if err := s.Freeze(); err == nil {
		t.Error("Freeze after Stop gives no error")
	}
}

func TestStart_WithGrants(t *testing.T) {
	s := start(t, WithGrants())
	if err := s.Exec(t.Context(), "", "CREATE DATABASE g; CREATE USER reader@localhost IDENTIFIED BY 'pw'; GRANT SELECT ON g.* TO reader@localhost"); err != nil {
		t.Fatal(err)
	}
	d, err := sql.Open("mysql", s.UserDSN("reader", "pw", "g"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Ping(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec("CREATE TABLE t (a INT)"); err == nil {
		t.Error("a reader may create tables: grants are not enforced")
	}
}

func TestStart_SaysWhyItFailed(t *testing.T) {
	_, err := Start(t.Context(), WithArgs("--no-such-option"))
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("error %v does not name the option", err)
	}
}

func TestFind_NotInstalled(t *testing.T) {
	if _, err := find("no-such-program"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("error %v, want ErrNotInstalled", err)
	}
}

// The server must not outlive a test binary that was killed.
func TestStart_DiesWithItsParent(t *testing.T) {
	if os.Getenv("PUSHD_TEST_CHILD") == "1" {
		s, err := Start(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		// The parent kills this process after reading the line.
		os.Stdout.WriteString("dir=" + s.dir + "\n")
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStart_DiesWithItsParent$")
	cmd.Env = append(os.Environ(), "PUSHD_TEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimPrefix(strings.TrimSpace(string(buf[:n])), "dir=")
	defer os.RemoveAll(dir)
	child := &Server{dir: dir}
	if err := child.ping(t.Context()); err != nil {
		t.Fatalf("the child's server does not answer: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for child.ping(t.Context()) == nil { // the kernel's signal takes a moment
		if t.Context().Err() != nil {
			t.Fatal("the server outlived its parent")
		}
	}
}
