package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushd/internal/progress"
)

// build makes the binary as it is shipped.
func build(t *testing.T) string {
	t.Helper()
	readSources(t)
	binary := filepath.Join(t.TempDir(), "pushd")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "./cmd/pushd")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// readSources reads what the processes of the chain are made of. "go test"
// remembers a success until a file changes that the test itself has read, and
// knows nothing of what the compiler and PHP read.
func readSources(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"../../cmd/pushd", "../../api", "../../internal", "../../deploy"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && slices.Contains([]string{".go", ".php", ".sql", ".yaml"}, filepath.Ext(path)) {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// process is a running pushd.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended
	err  error         // then: how
}

// serve starts "pushd serve" and waits until it says where it listens.
func (c *chain) serve() {
	c.t.Helper()
	p := &process{cmd: exec.Command(c.binary, "serve"), out: &output{address: make(chan string, 1)}, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = c.env, p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		runtime.LockOSThread() // Pdeathsig follows the thread, not the process
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	c.ok(<-started)
	c.daemon = p
	c.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
	})
	select {
	case address := <-p.out.address:
		c.url = "http://" + address
	case <-p.done:
		c.t.Fatalf("pushd ended: %v\n%s", p.err, p.out)
	case <-time.After(30 * time.Second):
		c.t.Fatalf("pushd does not listen\n%s", p.out)
	}
}

// terminate sends SIGTERM: pushd ends with 0 within its drain time.
func (c *chain) terminate() {
	c.t.Helper()
	c.ok(c.daemon.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-c.daemon.done:
	case <-time.After(15 * time.Second):
		c.t.Fatalf("pushd did not end\n%s", c.daemon.out)
	}
	if c.daemon.err != nil {
		c.t.Errorf("pushd ended with %v\n%s", c.daemon.err, c.daemon.out)
	}
}

// ended is what a command printed, and its exit code.
type ended struct {
	code int
	text string
}

// command runs another command of pushd, with the same settings.
func (c *chain) command(args ...string) ended {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.binary, args...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	c.said.Write(out)
	return ended{cmd.ProcessState.ExitCode(), string(out)}
}

// jobDoc is a job as the API shows it, or a problem.
type jobDoc struct {
	progress.Job
	ID    string `json:"id"`
	MsgID string `json:"clientMsgId"`
}

// call calls the API. It may be called by many at once.
func (c *chain) call(method, path string, body any) (status int, job jobDoc) {
	b, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
		return 0, job
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(b))
	if err != nil {
		c.t.Error(err)
		return 0, job
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Error(err)
		return 0, job
	}
	defer resp.Body.Close()
	if resp.StatusCode < 300 {
		if err := json.NewDecoder(resp.Body).Decode(&job); err != nil {
			c.t.Error(err)
		}
	}
	return resp.StatusCode, job
}

func (c *chain) job(id string) jobDoc {
	c.t.Helper()
	_, j := c.call(http.MethodGet, "/v1/jobs/"+id, struct{}{})
	return j
}

// await waits until a job has succeeded.
func (c *chain) await(id string) {
	c.t.Helper()
	var j jobDoc
	c.poll(2*time.Minute, "job "+id, func() bool {
		j = c.job(id)
		return j.State == "succeeded" || j.State == "failed" || j.State == "expired" || j.State == "canceled"
	})
	if j.State != "succeeded" {
		c.t.Fatalf("job %+v\n%s", j, c.daemon.out)
	}
}

// wantSilence looks for secrets and tokens in everything that was printed, and
// in pushd's own tables.
func (c *chain) wantSilence(tokens ...string) {
	c.t.Helper()
	places := map[string]string{"the log": c.daemon.out.String(), "what was printed": c.said.String()}
	for _, table := range []string{"pushd_job", "pushd_page", "pushd_progress", "pushd_template"} {
		places[table] = c.table(table)
	}
	if !strings.Contains(places["the log"], "job ended") || !strings.Contains(places["pushd_job"], bigApp) || !strings.Contains(places["what was printed"], "accepted job=") {
		c.t.Error("there is nothing to look at")
	}
	for place, text := range places {
		for _, secret := range append(tokens, "MARKED") {
			if strings.Contains(text, secret) {
				c.t.Errorf("a secret is in %s", place)
			}
		}
	}
}

// table is all that a table holds.
func (c *chain) table(name string) string {
	c.t.Helper()
	rows, err := c.db.QueryContext(c.t.Context(), "SELECT * FROM "+name)
	c.ok(err)
	defer rows.Close()
	names, err := rows.Columns()
	c.ok(err)
	cells, into := make([][]byte, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	var all bytes.Buffer
	for rows.Next() {
		c.ok(rows.Scan(into...))
		all.Write(bytes.Join(cells, []byte("\n")))
	}
	c.ok(rows.Err())
	return all.String()
}

// output keeps what a process writes, and finds its address there.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	once    sync.Once
	address chan string
}

var listens = regexp.MustCompile(`"msg":"pushd listens","address":"([^"]+)"`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if m := listens.FindSubmatch(o.text.Bytes()); m != nil {
		o.once.Do(func() { o.address <- string(m[1]) })
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
