package clustertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxyScenarios are those with HAProxy in front, as deploy/haproxy.cfg sets it
// up, whose address is all that pushd knows.
func proxyScenarios() []scenario {
	return []scenario{
		{name: "HAProxy in front: the writer is killed", run: func(w *world) {
			w.proxied(func() { w.base.cluster.Nodes[0].Kill() })
		}},
		{name: "HAProxy in front: the writer is frozen for 20 s", run: func(w *world) {
			w.proxied(func() {
				w.must(w.base.cluster.Nodes[0].Freeze())
				time.Sleep(frozenFor)
				w.must(w.base.cluster.Nodes[0].Thaw())
			})
		}},
		{name: "HAProxy in front: the writer is cut off from the others for 20 s", run: func(w *world) {
			w.proxied(func() {
				w.must(w.base.cluster.Nodes[0].Isolate(w.Context()))
				time.Sleep(frozenFor)
				w.must(w.base.cluster.Nodes[0].Heal(w.Context()))
			})
		}},
		{name: "HAProxy that does not end connections: the writer is cut off for 20 s", run: func(w *world) {
			w.proxiedBy(func(config string) string { return strings.ReplaceAll(config, " on-marked-down shutdown-sessions", "") }, func() {
				w.must(w.base.cluster.Nodes[0].Isolate(w.Context()))
				time.Sleep(frozenFor)
				w.must(w.base.cluster.Nodes[0].Heal(w.Context()))
			})
		}},
	}
}

func (w *world) proxied(fault func()) {
	w.Helper()
	w.proxiedBy(func(config string) string { return config }, fault)
}

// proxiedBy runs three jobs on three processes that know one HAProxy, while a
// fault hits the node that it sends them to.
func (w *world) proxiedBy(change func(config string) string, fault func()) {
	w.Helper()
	addr := w.haproxy(change)
	dsn := "pushd:pushd@tcp(" + addr + ")/" + w.name
	for i := range size {
		w.startOn(i, dsn)
	}
	for i := range size {
		w.post(w.procs[i], people)
	}
	w.running(300)
	for _, j := range w.jobs {
		j.pulse.fresh()
	}
	fault()
	w.finish()
}

// haproxy starts one with the file of deploy, and these nodes in it.
func (w *world) haproxy(change func(config string) string) (addr string) {
	w.Helper()
	bin, err := exec.LookPath("haproxy")
	if err != nil {
		bin = "/usr/sbin/haproxy"
	}
	text, err := os.ReadFile("../../deploy/haproxy.cfg")
	w.must(err)
	l, err := new(net.ListenConfig).Listen(w.Context(), "tcp", "127.0.0.1:0")
	w.must(err)
	addr = l.Addr().String()
	w.must(l.Close())
	config := strings.ReplaceAll(string(text), "bind 127.0.0.1:3306", "bind "+addr)
	for i, n := range w.base.cluster.Nodes {
		config = strings.ReplaceAll(config, fmt.Sprintf(" 10.0.0.1%d:3306", i+1), " "+n.Addr)
	}
	file := filepath.Join(w.TempDir(), "haproxy.cfg")
	w.must(os.WriteFile(file, []byte(change(config)), 0o600))
	cmd := exec.Command(bin, "-f", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.must(cmd.Start())
	w.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, or ends now
		_ = cmd.Wait()         // of a signal
	})
	w.until("HAProxy finds a node", 30*time.Second, func() bool {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(w.Context(), "tcp", addr)
		if err != nil {
			return false
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return false
		}
		n, _ := conn.Read(make([]byte, 1)) // a greeting
		return n == 1
	})
	return addr
}

// The file of deploy is one that HAProxy takes.
func TestHAProxy_Config(t *testing.T) {
	bin, err := exec.LookPath("haproxy")
	if err != nil {
		bin = "/usr/sbin/haproxy"
	}
	if out, err := exec.CommandContext(t.Context(), bin, "-c", "-f", "../../deploy/haproxy.cfg").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
