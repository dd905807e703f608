package foreign

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSilenceper: the most used Go SDK, github.com/silenceper/wechat.
func TestSilenceper(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "silenceper")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "silenceper"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	c := newCourt(t)
	c.judge(t, c.ask(t, exec.CommandContext(t.Context(), binary)), c.task.MsgID)
}
