package wechatsim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Addresses is the line of JSON that cmd/wechatsim prints when it is ready.
type Addresses struct {
	URLs       []string // WeChat's API, a listener each
	TokenURL   string   // the PHP token endpoint
	Control    string
	Cert       string `json:",omitempty"` // file
	AppID      string
	TemplateID string // a listed template of the account
}

// Child is a simulator in a process of its own, so that it outlives what is
// killed and its CPU time is not that of the program under test.
type Child struct {
	Addresses
	Remote

	cmd   *exec.Cmd
	stdin io.Closer
}

// Launch starts a built cmd/wechatsim and waits until it is ready. It ends
// with Stop, with ctx, or when this process dies.
func Launch(ctx context.Context, binary string, args ...string) (*Child, error) {
	c := &Child{cmd: exec.CommandContext(ctx, binary, append([]string{"-until-stdin-closes"}, args...)...)}
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("launch simulator: %w", err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("launch simulator: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("launch simulator: %w", err)
	}
	c.stdin = stdin
	if err := json.NewDecoder(stdout).Decode(&c.Addresses); err != nil {
		return nil, fmt.Errorf("launch simulator: read addresses: %w (%v)", err, c.Stop())
	}
	c.Remote.URL = c.Control
	return c, nil
}

// Pid is the process id, for those who measure it.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Stop ends the process and waits for it.
func (c *Child) Stop() error {
	c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("stop simulator: %w", err)
	}
	return nil
}
