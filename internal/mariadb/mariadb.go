// Package mariadb runs a private MariaDB server for tests and for the demo:
// a temporary directory, a unix socket, no network, no accounts, gone with
// the process that started it. It is not for data that matters, and the
// production binary does not link it.
//
// A server without grant tables is up in about 0.2 s, so every test binary
// can have its own.
//
// Where the environment names a directory with MySQL in PUSHD_TEST_MYSQL, that
// server is run in its place (`make compat`).
package mariadb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrNotInstalled says that there is no mariadbd on this machine, and what to
// do about it.
var ErrNotInstalled = errors.New("mariadbd is not installed (Debian and Ubuntu: apt-get install mariadb-server-core mariadb-client-core)")

// mysqlDir is the environment variable that names the directory of another
// server: its mysqld, its share directory, and the libraries that it wants.
const mysqlDir = "PUSHD_TEST_MYSQL"

// Server is a running private server.
type Server struct {
	bin  string
	lib  string // where else its libraries are, "" for a server of the system's
	dir  string // holds everything, mode 0700
	args []string
	user string   // whom it runs as, "" for this process's user
	more []string // of its environment

	mu   sync.Mutex // guards proc
	proc *process   // nil while stopped

	databases atomic.Int64 // names of databases, counted
}

// Option changes how Start sets a server up.
type Option func(*options)

type options struct {
	grants bool
	args   []string
	user   string // whom to run as where this process is root
	env    []string
}

// WithGrants gives the server its system tables, so that accounts and GRANTs
// work; root@localhost has no password.
func WithGrants() Option { return func(o *options) { o.grants = true } }

// WithArgs adds command line options of mariadbd, for example
// "--innodb-snapshot-isolation=ON".
func WithArgs(args ...string) Option {
	return func(o *options) { o.args = append(o.args, args...) }
}

// WithEnv adds to the server's environment, for example LD_PRELOAD=….
func WithEnv(vars ...string) Option {
	return func(o *options) { o.env = append(o.env, vars...) }
}

// Start starts a server and returns once it answers. The caller stops it; if
// the process dies before, the kernel does.
func Start(ctx context.Context, opts ...Option) (*Server, error) {
	s, err := prepare(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := s.Restart(ctx); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

// prepare makes a server that has not been started.
func prepare(ctx context.Context, opts []Option) (*Server, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	bin, lib := "", os.Getenv(mysqlDir)
	var err error
	if lib != "" {
		bin = filepath.Join(lib, "mysqld")
		o.args = append([]string{"--basedir=" + lib, "--lc-messages-dir=" + filepath.Join(lib, "share")}, o.args...)
	} else if bin, err = find("mariadbd", "mysqld"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pushd-mariadb-") // 0700: the socket is the only guard
	if err != nil {
		return nil, fmt.Errorf("start mariadbd: %w", err)
	}
	s := &Server{bin: bin, lib: lib, dir: dir, user: o.user, more: o.env}
	if err := s.setUp(ctx, o); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// setUp makes the data directory and the command line.
func (s *Server) setUp(ctx context.Context, o options) error {
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("start mariadbd: %w", err)
	}
	s.args = []string{
		"--no-defaults", // first, or it is not an option
		"--datadir=" + data,
		"--socket=" + s.Socket(),
		"--pid-file=" + filepath.Join(s.dir, "pid"),
		// A server removes other servers' temporary tables when it starts.
		"--tmpdir=" + s.dir,
		"--skip-networking",
		"--skip-log-bin",
		"--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=16M",
		"--performance-schema=OFF",
		"--max-connections=300",
	}
	if os.Geteuid() == 0 {
		s.args = append(s.args, "--user="+cmp.Or(s.user, "root"))
	}
	s.args = append(s.args, o.args...)
	if err := s.giveTo(s.user); err != nil {
		return err
	}
	if !o.grants {
		s.args = append(s.args, "--skip-grant-tables")
		return s.bootstrap(ctx, strings.NewReader(""))
	}
	text, err := systemTables(s.lib)
	if err != nil {
		return err
	}
	return s.bootstrap(ctx, text)
}

// bootstrap creates the data files and shuts down in an orderly way: files
// that are only just created do not survive a kill.
func (s *Server) bootstrap(ctx context.Context, text io.Reader) error {
	cmd := exec.CommandContext(ctx, s.bin, append(slices.Clone(s.args), "--bootstrap", "--skip-grant-tables")...)
	cmd.Stdin, cmd.Env = text, s.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bootstrap mariadbd: %w: %s", err, out)
	}
	return nil
}

// systemTables is the SQL text that creates the system tables: what
// mariadb-install-db does for a server, without that script's need of the
// client programs.
func systemTables(lib string) (io.Reader, error) {
	text := bytes.NewBufferString("CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n")
	for _, name := range []string{"system_tables", "system_tables_data"} {
		b, err := readShared(lib, name)
		if err != nil {
			return nil, err
		}
		text.Write(b)
	}
	if lib != "" { // MySQL has anonymous users, who go before any other of localhost
		text.WriteString("DELETE FROM user WHERE User = '';\n")
	}
	return text, nil
}

// readShared reads a file of SQL that comes with the server.
func readShared(lib, name string) ([]byte, error) {
	for _, path := range []string{filepath.Join(lib, "share", "mysql_"), "/usr/share/mysql/mysql_", "/usr/share/mysql/mariadb_", "/usr/share/mariadb/mariadb_"} {
		if b, err := os.ReadFile(path + name + ".sql"); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("install system tables: no %s.sql: %w", name, ErrNotInstalled)
}

// env is the server's environment.
func (s *Server) env() []string {
	env := append(os.Environ(), s.more...)
	if s.lib != "" {
		env = append(env, "LD_LIBRARY_PATH="+s.lib)
	}
	return env
}

// MySQL says that the server is not MariaDB.
func (s *Server) MySQL() bool { return s.lib != "" }

// Socket is the path of the server's unix socket. It stays the same over
// restarts.
func (s *Server) Socket() string { return filepath.Join(s.dir, "sock") }

// PID is the number of the server's process; 0 while it is stopped.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.cmd.Process.Pid
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// DSN is the data source name of a database on the server, for root.
func (s *Server) DSN(db string) string { return s.UserDSN("root", "", db) }

// UserDSN is the data source name of a database for one account (see
// WithGrants).
func (s *Server) UserDSN(user, password, db string) string {
	if password != "" {
		user += ":" + password
	}
	return user + "@unix(" + s.Socket() + ")/" + db
}

// find looks for one of the programs in PATH and where Debian keeps servers,
// which is often not in a user's PATH.
func find(names ...string) (string, error) {
	for _, name := range names {
		for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
			if bin, err := exec.LookPath(path); err == nil {
				return bin, nil
			}
		}
	}
	return "", ErrNotInstalled
}
