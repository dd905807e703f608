package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// cronEvery is how often the demo runs cron.php. A platform runs it once a
// minute; a visitor does not want to wait for that.
const cronEvery = 3 * time.Second

// cron runs deploy/php/cron.php again and again until ctx ends, with the
// settings of the host.
func (h *host) cron(ctx context.Context) error {
	for {
		cmd := exec.CommandContext(ctx, h.cmd.Path, "deploy/php/cron.php")
		cmd.Env = h.cmd.Env
		// Its exit code 1 heals by itself: the next run asks again.
		if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil && cmd.ProcessState.ExitCode() != 1 {
			return fmt.Errorf("cron.php: %w: %s", err, out)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(cronEvery):
		}
	}
}
