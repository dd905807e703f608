package crashtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushd/api/client"
)

// files are secrets that a pushd reads from files.
type files struct {
	*World
	dir string
}

// newFiles makes pushd read its secrets from files.
func newFiles(w *World) *files {
	f := &files{w, filepath.Join(w.dir, "secrets")}
	w.must(os.Mkdir(f.dir, 0o700))
	for name, text := range map[string]string{
		"PUSHD_API_KEY": "ops:" + apiKey, "PUSHD_TOKEN_KEY": tokenKey, "PUSHD_MYSQL_DSN": f.dsn("pushd", dsnSecret),
	} {
		w.Set(name, "")
		w.Set(name+"_FILE", filepath.Join(f.dir, name))
		f.write(name, text)
	}
	return f
}

// dsn is the proxy's, for a user.
func (f *files) dsn(user, password string) string {
	return fmt.Sprintf("%s:%s@unix(%s)/%s", user, password, f.MySQL.Socket()+".proxy", f.name)
}

func (f *files) write(name, text string) {
	f.Helper()
	f.must(os.WriteFile(filepath.Join(f.dir, name), []byte(text+"\n"), 0o600))
}

// reload sends SIGHUP and waits for a line of the log.
func (f *files) reload(p *Process, want string) {
	f.Helper()
	before := len(p.Said())
	p.Signal(syscall.SIGHUP)
	f.Until("the log says "+want, 30*time.Second, func() bool { return strings.Contains(p.Said()[before:], want) })
}

// lets says whether a key opens the API.
func (f *files) lets(p *Process, key string) bool {
	f.Helper()
	api := client.Client{URL: p.URL, Key: key, HTTP: http.DefaultClient}
	_, err := api.Jobs(f.Context(), client.Filter{Limit: 1})
	if client.Status(err) != http.StatusUnauthorized {
		f.must(err)
	}
	return err == nil
}

const (
	otherKey      = "MARKED-other-api-key-0123456789abcdef"
	otherPassword = "MARKED-other-dsn-password-0123456789"
)

// newSecrets gives pushd other keys, another user of the database and a bad file,
// in the middle of a job. No send is lost or made twice.
func newSecrets(w *World) {
	f := newFiles(w)
	p, j := w.Begin(size(6000, 40_000), nil)
	w.AwaitSends(j, 500)
	f.reload(p, `"secrets read again: nothing has changed"`)

	f.write("PUSHD_API_KEY", "ops:"+otherKey+",ops:"+apiKey)
	f.write("PUSHD_TOKEN_KEY", tokenKey+"-new")
	f.reload(p, `"changed":["keys","token endpoint"]`)
	if !f.lets(p, apiKey) || !f.lets(p, otherKey) {
		w.Error("one of two keys opens nothing")
	}
	f.write("PUSHD_API_KEY", "ops:"+otherKey)
	f.write("PUSHD_TOKEN_KEY", tokenKey)
	f.reload(p, `"changed":["keys","token endpoint"]`)
	p.Key = otherKey
	if f.lets(p, apiKey) || !f.lets(p, otherKey) {
		w.Error("the old key opens the API, or the new one does not")
	}

	w.otherUser(f, p)

	f.write("PUSHD_API_KEY", "short")
	f.reload(p, "PUSHD_API_KEY: key 1 has 5 characters")
	w.must(os.Remove(filepath.Join(f.dir, "PUSHD_TOKEN_KEY")))
	f.reload(p, "PUSHD_TOKEN_KEY_FILE: cannot be read")
	if !f.lets(p, otherKey) {
		w.Error("a bad file takes away what there was")
	}
	w.Finish(p, j, Verdict{})
}

// otherUser moves pushd to another user of the database, whose connections end
// those of the one before.
func (w *World) otherUser(f *files, p *Process) {
	w.Helper()
	sql := func(format string, args ...any) { w.must(w.MySQL.Exec(w.Context(), "", fmt.Sprintf(format, args...))) }
	f.write("PUSHD_MYSQL_DSN", f.dsn("pushd2", otherPassword))
	f.reload(p, "Access denied")
	sql("CREATE USER pushd2@localhost IDENTIFIED BY '%s'; GRANT SELECT, INSERT, UPDATE, DELETE ON %s.* TO pushd2@localhost", otherPassword, w.name)
	f.write("PUSHD_MYSQL_DSN", f.dsn("pushd2", otherPassword)+"x")
	f.reload(p, "restart pushd")
	f.write("PUSHD_MYSQL_DSN", f.dsn("pushd2", otherPassword))
	f.reload(p, `"changed":["database"]`)
	sql("DROP USER pushd@localhost")
	w.Until("no connection is the old user's", 30*time.Second, func() bool {
		var n int
		w.must(w.DB.QueryRowContext(w.Context(), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE user = 'pushd'").Scan(&n))
		return n == 0
	})
}

// TestReload_Certificate: whoever connects after SIGHUP gets the new certificate,
// and a file that does not fit leaves the old one.
func TestReload_Certificate(t *testing.T) {
	w := NewWorld(t, binaries, (&Table{}).Add("certificate"), rand.Uint64())
	f := newFiles(w)
	w.Set("PUSHD_TLS_CERT", filepath.Join(f.dir, "cert"))
	w.Set("PUSHD_TLS_KEY", filepath.Join(f.dir, "key"))
	first := f.certificate(1)
	p := w.Start("a")
	serial := func() string {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(p.URL, "http://"), &tls.Config{InsecureSkipVerify: true})
		w.must(err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	if got := serial(); got != "1" {
		t.Fatalf("it has certificate %s", got)
	}
	f.certificate(2)
	f.reload(p, `"changed":["certificate"]`)
	if got := serial(); got != "2" {
		t.Errorf("after a reload it has certificate %s", got)
	}
	f.write("cert", first)
	f.reload(p, "are not a pair that works")
	if got := serial(); got != "2" {
		t.Errorf("with a bad file it has certificate %s", got)
	}
}

// certificate writes one with a serial number, and returns its text.
func (f *files) certificate(serial int64) string {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	f.must(err)
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "pushd"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(crand.Reader, plan, plan, &key.PublicKey, key)
	f.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	f.must(err)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	f.write("cert", cert)
	f.write("key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert
}

// TestService: what the service manager hears of a start, a reload, a life and a
// stop; and SIGUSR1 writes what the goroutines do and ends nothing.
func TestService(t *testing.T) {
	w := NewWorld(t, binaries, (&Table{}).Add("service"), rand.Uint64())
	name := filepath.Join(w.dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	w.must(err)
	defer conn.Close()
	var said lines
	go said.read(conn)
	w.Set("NOTIFY_SOCKET", name)
	w.Set("WATCHDOG_USEC", "600000")
	p := w.Start("a")
	hears := func(want string) {
		t.Helper()
		w.Until("the service manager hears "+want, 30*time.Second, func() bool { return said.take(want) })
	}
	hears("READY=1")
	hears("WATCHDOG=1")
	p.Signal(syscall.SIGHUP)
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("STATUS=secrets read again: nothing has changed")
	hears("READY=1")

	p.Signal(syscall.SIGUSR1)
	w.Until("goroutines are written", 30*time.Second, func() bool { return strings.Contains(p.Said(), `"goroutines written"`) })
	dump, err := os.ReadFile(filepath.Join(w.stateDir("a"), "goroutines.txt"))
	w.must(err)
	if !bytes.Contains(dump, []byte("pushd/internal/fanout.(*Engine).Run")) || leak(string(dump)) != "" {
		t.Errorf("the goroutines are\n%s", dump[:min(len(dump), 2000)])
	}

	_, exit, err := p.Terminate(drainTimeout)
	w.must(err)
	hears("STOPPING=1")
	if exit != 0 {
		t.Errorf("exit code %d", exit)
	}
}

// lines are messages in order.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) read(conn net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.all = append(l.all, string(b[:n]))
		l.mu.Unlock()
	}
}

// take says whether there is a message that begins so, and drops those up to it.
func (l *lines) take(want string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.all {
		if strings.HasPrefix(line, want) {
			l.all = l.all[i+1:]
			return true
		}
	}
	return false
}
