package crashtest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// TestSecrets takes the whole program through a job on which everything goes
// wrong that makes programs talkative, with marked secrets, and looks for
// those in all that comes out: log, answers of the API, health, metrics,
// tables, the commands' output, the stacks of a panic and of SIGQUIT.
func TestSecrets(t *testing.T) {
	row := (&Table{}).Add("secrets")
	w := NewWorld(t, binaries, row, rand.Uint64())
	w.Set("GOTRACEBACK", "all")
	said := &strings.Builder{}
	p, j := w.Begin(3000, nil)
	w.AwaitSends(j, 200)
	secretFaults(w, p, j, said)
	w.AwaitState(j, "succeeded", longest)
	w.ask(p, j, said)
	fmt.Fprintln(said, w.dump())
	p.Signal(syscall.SIGQUIT)
	w.Until("it tells its stacks", 10*time.Second, p.Ended)
	fmt.Fprintln(said, p.Said())
	if !strings.Contains(p.Said(), "goroutine ") {
		t.Error("no stacks were told")
	}
	p.stacks = true
	fmt.Fprintln(said, panicOutput(w))
	fmt.Fprintln(said, w.commands())
	if l := leak(said.String()); l != "" {
		t.Errorf("a secret is told: …%s…", l)
	}
	t.Logf("looked through %d KB", said.Len()>>10)
}

// secretFaults makes errors come from everywhere.
func secretFaults(w *World, p *Process, j *Job, said io.Writer) {
	w.Helper()
	j.Account.RevokeToken() // from now on PHP's token is used
	w.AwaitSends(j, 500)
	for _, f := range []wechatsim.Fault{
		{Path: wechatsim.PathSend, Action: wechatsim.ActDrop, Share: 0.05}, {Path: wechatsim.PathSend, Action: wechatsim.ActHTML, Share: 0.05},
		{Path: wechatsim.PathSend, Action: wechatsim.ActHang, Share: 0.02}, {Path: wechatsim.PathUserGet, Action: wechatsim.ActReset, Share: 0.5},
		{Path: wechatsim.PathQuota, Action: wechatsim.ActHalf, Share: 0.5}, {Path: wechatsim.PathTemplates, Action: wechatsim.ActNotJSON, To: 1},
	} {
		w.Sim.Faults.Add(f)
	}
	php := w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathPHP, Action: wechatsim.ActHTML, To: 1})
	j.Account.RevokeToken()
	w.Until("PHP was asked", 30*time.Second, func() bool { return w.Sim.Faults.Hits(php) > 0 })
	w.ask(p, j, said) // while things are bad
	w.Proxy.Cut()
	w.MySQL.Kill()
	w.ask(p, j, said)
	w.must(w.MySQL.Restart(w.Context()))
	w.Sim.Faults.ClearAll()
}

// ask asks everything of the API that can be asked, rightly and wrongly.
func (w *World) ask(p *Process, j *Job, said io.Writer) {
	w.Helper()
	for _, c := range []struct{ method, path, key, body string }{
		{"GET", "/healthz", "", ""}, {"GET", "/healthz", apiKey, ""}, {"GET", "/readyz", "", ""}, {"GET", "/metrics", "", ""},
		{"GET", "/v1/jobs", apiKey, ""}, {"GET", "/v1/jobs/" + j.ID, apiKey, ""}, {"GET", "/v1/jobs", "wrong-key-wrong-key", ""},
		{"GET", "/v1/jobs/" + j.ID + "/failures?outcome=skipped", apiKey, ""},
		{"GET", "/v1/jobs/" + j.ID + "/recipients/" + j.Account.OpenID(1), apiKey, ""},
		{"POST", "/v1/jobs", apiKey, `{"actid":1,"appid":"wxcrash000001","secret":"` + appSecret + `","accessToken":17}`},
		{"POST", "/v1/jobs", apiKey, `{"actid":77,"appid":"wxnobody","secret":"` + appSecret + `","accessToken":"` + appSecret + `"}`},
		{"POST", "/v1/jobs", apiKey, `{"actid":1,"appid":"wxcrash000001","secret":"` + appSecret}, // breaks off
	} {
		req, err := http.NewRequestWithContext(w.Context(), c.method, p.URL+c.path, strings.NewReader(c.body))
		w.must(err)
		if c.key != "" {
			req.Header.Set("Authorization", "Bearer "+c.key)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		w.must(err)
		_, err = io.Copy(said, resp.Body)
		resp.Body.Close()
		w.must(err)
	}
}

// panicOutput is what a process says that panics in a worker, all stacks
// included.
func panicOutput(w *World) string {
	w.Helper()
	j := w.NewChannel(500, nil)
	p := w.StartWithPoint("a", "sent:50:panic")
	w.must(p.awaitListen())
	w.must(w.Post(p, j))
	w.Until("it panics", 30*time.Second, p.Ended)
	if !strings.Contains(p.Said(), "panic: crash point") {
		w.Error("it did not panic")
	}
	return p.Said()
}

// commands is what the commands say that see the settings.
func (w *World) commands() string {
	w.Helper()
	p := &Process{Listener: w.Listener}
	var said strings.Builder
	for _, args := range [][]string{{"check"}, {"serve", "--help"}, {"serve", "--lease", "nonsense"}, {"job", "list"}, {"version"}} {
		cmd := exec.CommandContext(w.Context(), w.bin.Plain, args...)
		cmd.Env = w.environment(p, "a")
		out, _ := cmd.CombinedOutput() // some of them fail, as they should
		fmt.Fprintf(&said, "%s\n", out)
	}
	return said.String()
}
