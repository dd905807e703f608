//go:build foreign

package foreign

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCoWechatAPI: co-wechat-api, for Node. It needs npm and its registry, so
// it has a target of its own, make foreign.
func TestCoWechatAPI(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("co-wechat-api")); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	c := newCourt(t)
	// It cannot set client_msg_id.
	c.judge(t, c.ask(t, exec.CommandContext(t.Context(), "node", filepath.Join(dir, "client.js"))), "")
}
