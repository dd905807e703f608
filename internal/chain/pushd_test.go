package chain

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/program"
)

// build makes the binary as it is shipped.
func build(t *testing.T) string {
	t.Helper()
	readSources(t)
	binary := filepath.Join(t.TempDir(), "pushd")
	if err := program.Build(t.Context(), binary); err != nil {
		t.Fatal(err)
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

// serve starts "pushd serve" and waits until it says where it listens.
func (c *chain) serve() {
	c.t.Helper()
	p, err := program.Start(program.Options{Binary: c.binary, Env: c.env})
	c.ok(err)
	c.daemon = p
	c.t.Cleanup(func() { _ = p.End(syscall.SIGKILL, time.Minute) })
	url, err := p.AwaitListen()
	c.ok(err)
	c.api = client.Client{URL: url, Key: apiKey, HTTP: c.http}
}

// terminate sends SIGTERM: pushd ends with 0 within its drain time.
func (c *chain) terminate() {
	c.t.Helper()
	if err := c.daemon.End(syscall.SIGTERM, 15*time.Second); err != nil {
		c.t.Fatalf("%v\n%s", err, c.daemon.Said())
	}
	if code := c.daemon.ExitCode(); code != 0 {
		c.t.Errorf("pushd ended with %d\n%s", code, c.daemon.Said())
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

// await waits until a job has succeeded.
func (c *chain) await(id string) {
	c.t.Helper()
	var j client.Job
	c.poll(2*time.Minute, "job "+id, func() bool {
		var err error
		j, err = c.api.Job(c.t.Context(), id)
		c.ok(err)
		return j.Ended()
	})
	if j.State != pushd.Succeeded {
		c.t.Fatalf("job %+v\n%s", j, c.daemon.Said())
	}
}

// wantSilence looks for secrets and tokens in everything that was printed, and
// in pushd's own tables.
func (c *chain) wantSilence(tokens ...string) {
	c.t.Helper()
	places := map[string]string{"the log": c.daemon.Said(), "what was printed": c.said.String()}
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
