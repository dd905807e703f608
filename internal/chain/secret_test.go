package chain

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

// What takes the places of the secrets; marked as they are.
const (
	newAPIKey    = "new-api-key-MARKED-0123456789"
	newTokenKey  = "new-token-key-MARKED-0123456789"
	newAppSecret = "new-app-secret-MARKED-0123456789"
	newPassword  = "new-password-MARKED-0123456789"
)

// TestSecrets_Change does what docs/operations.md says under "Change a secret",
// one after the other, while a job is being sent. After each step the token is
// revoked, so that the whole way from pushd to WeChat's token is walked again.
func TestSecrets_Change(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.php")
	c := startWith(t, phptest.Settings{
		"PUSHD_PHP_CONFIG": config, "db_user": "", "db_password": "", "token_key": "", "api_key": "", // the environment would win
	})
	php := map[string]string{"db_user": "php", "db_password": password, "token_key": tokenKey, "api_key": apiKey}
	c.configure(config, php)
	big := c.account(bigApp, bigFollowers)
	job := regexp.MustCompile(`job=([0-9a-z]+)\n`).FindStringSubmatch(c.cron(0))
	if job == nil {
		t.Fatal("cron posted no job")
	}
	c.sends(big, 1000)

	c.changeTokenKey(big, config, php)
	c.changeAPIKey(config, php)
	c.tokenComes(big, "another API key")
	c.changePHPsPassword(config, php)
	c.tokenComes(big, "another user of PHP's in the database")
	c.changeAppSecret(big, job[1])

	c.await(job[1])
	c.wantTold(big, job[1], bigFollowers)
	c.terminate()
	c.wantSilence()
}

// configure writes PHP's settings, as one file that takes the place of the other.
func (c *chain) configure(path string, settings map[string]string) {
	c.t.Helper()
	text := "<?php return [\n"
	for name, value := range settings {
		text += fmt.Sprintf("    '%s' => '%s',\n", name, value)
	}
	c.ok(os.WriteFile(path+".new", []byte(text+"];\n"), 0o600))
	c.ok(os.Rename(path+".new", path))
}

// reload writes a secret of pushd's and has it read again.
func (c *chain) reload(setting, value string) {
	c.t.Helper()
	for _, v := range c.env {
		if path, found := strings.CutPrefix(v, setting+"_FILE="); found {
			c.ok(os.WriteFile(path, []byte(value+"\n"), 0o600))
		}
	}
	before := strings.Count(c.daemon.Said(), "secrets read again")
	c.daemon.Signal(syscall.SIGHUP)
	c.poll(time.Minute, "the reload", func() bool { return strings.Count(c.daemon.Said(), "secrets read again") > before })
}

// tokenComes revokes the token, and waits until sends have another one.
func (c *chain) tokenComes(a *wechatsim.Account, with string) {
	c.t.Helper()
	// token.php asks with force_refresh where WeChat insists on the refused token,
	// once in 30 s at most. The token that RevokeToken leaves is another one.
	a.RevokeToken()
	before := a.Stats().Codes[0]
	c.poll(time.Minute, "messages with "+with, func() bool { return a.Stats().Codes[0] > before+500 })
}

func (c *chain) changeTokenKey(a *wechatsim.Account, config string, php map[string]string) {
	c.t.Helper()
	php["token_key"] = tokenKey + "," + newTokenKey
	c.configure(config, php)
	c.tokenComes(a, "the old token key")
	c.reload("PUSHD_TOKEN_KEY", newTokenKey)
	c.tokenComes(a, "the new token key")
	php["token_key"] = newTokenKey
	c.configure(config, php)
	c.tokenComes(a, "the new token key alone")
}

func (c *chain) changeAPIKey(config string, php map[string]string) {
	c.t.Helper()
	c.reload("PUSHD_API_KEY", newAPIKey+","+apiKey)
	c.cron(0) // with the old one, still good
	php["api_key"] = newAPIKey
	c.configure(config, php)
	c.reload("PUSHD_API_KEY", newAPIKey)
	c.cron(0)
	if _, err := c.api.Post(c.t.Context(), client.Order{ActID: bigAct, AppID: bigApp}); client.Status(err) != http.StatusUnauthorized {
		c.t.Errorf("the old key: %v", err)
	}
	c.api.Key = newAPIKey
}

// changePHPsPassword makes a second user with the rights of the first.
func (c *chain) changePHPsPassword(config string, php map[string]string) {
	c.t.Helper()
	c.exec(strings.NewReplacer("php@'%'", "php2@'%'", password, newPassword).Replace(c.rights[2]))
	php["db_user"], php["db_password"] = "php2", newPassword
	c.configure(config, php)
	c.exec("DROP USER php@'%'")
	c.cron(0)
}

// changeAppSecret resets the secret in WeChat's console; the token ends with it,
// which is the worst that can be. Until the platform has the new one no token is
// to be had; then all goes on.
func (c *chain) changeAppSecret(a *wechatsim.Account, job string) {
	c.t.Helper()
	a.ResetSecret(newAppSecret)
	a.RevokeToken()
	var j client.Job
	c.poll(time.Minute, "the job to park", func() bool {
		var err error
		j, err = c.api.Job(c.t.Context(), job)
		c.ok(err)
		return j.State == pushd.Parked || j.Ended()
	})
	check := c.command("check", "--appid", bigApp)
	if j.Reason != pushd.TokenUnavailable || !strings.Contains(j.Detail, "secret is wrong or was reset") ||
		check.code != 1 || !strings.Contains(check.text, "secret is wrong or was reset") {
		c.t.Errorf("while the secret is wrong: %+v\n%s", j, check.text)
	}
	c.cron(0) // which has nothing due
	c.set("UPDATE user_wx_account SET app_secret = ? WHERE appid = ?", newAppSecret, bigApp)
	before := a.Stats().Codes[0]
	c.poll(2*time.Minute, "messages with another app secret", func() bool { return a.Stats().Codes[0] > before })
}
