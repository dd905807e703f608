package php_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// laravel is a Laravel application, of the framework itself, with the package as
// its only provider, and the pushd and WeChat that it speaks to.
type laravel struct {
	*manager
	dir string
}

func newLaravel(t *testing.T, answer func(posted) reply) *laravel {
	t.Helper()
	if _, err := os.Stat("/usr/share/php/Illuminate/Foundation/Application.php"); err != nil {
		t.Fatal("Laravel is not installed (Debian: apt-get install php-laravel-framework)")
	}
	p := unmigrated(t)
	l := &laravel{manager: managerOn(t, p, answer), dir: t.TempDir()}
	if err := os.CopyFS(l.dir, os.DirFS("testdata/laravel")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bootstrap/cache", "storage/logs", "storage/framework/views", "storage/framework/cache", "database/migrations"} {
		if err := os.MkdirAll(filepath.Join(l.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	connection, err := json.Marshal(map[string]any{
		"driver": "mysql", "unix_socket": p.server.Socket(), "database": p.name, "username": p.user, "password": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	l.host = phptest.New(t, phptest.Settings{
		"LARAVEL_DATABASE": string(connection), "LARAVEL_WECHAT": l.wechat.URL, "PUSHD_PACKAGE": phptest.Dir(),
		"url": l.pushd.URL, "api_key": apiKey, "token_key": tokenKey,
	})
	return l
}

// artisan runs "php artisan …" and wants an exit code.
func (l *laravel) artisan(t *testing.T, code int, args ...string) phptest.Run {
	t.Helper()
	run := l.host.Script(t.Context(), t, filepath.Join(l.dir, "artisan"), args...)
	if run.Code != code {
		t.Errorf("artisan %v: %d, want %d\n%s%s", args, run.Code, code, run.Stdout, run.Stderr)
	}
	if strings.Contains(run.Stdout+run.Stderr, "marked-") {
		t.Errorf("artisan %v shows a secret", args)
	}
	return run
}

// The commands do what the files without a framework do, on Laravel's connection.
func TestLaravel_Commands(t *testing.T) {
	l := newLaravel(t, accepted)
	if run := l.artisan(t, 2, "pushd:doctor"); !strings.Contains(run.Stdout, "FAIL  tables: 5 migrations are missing, from core/001_tables") {
		t.Errorf("%s", run.Stdout)
	}
	if run := l.artisan(t, 0, "pushd:migrate", "--print"); !strings.Contains(run.Stdout, "CREATE TABLE IF NOT EXISTS wx_access_token") {
		t.Errorf("%s", run.Stdout)
	}
	l.artisan(t, 0, "pushd:migrate")
	if run := l.artisan(t, 0, "pushd:migrate"); !strings.Contains(run.Stdout, "the tables are up to date") {
		t.Errorf("%s", run.Stdout)
	}
	l.channel(t, 1, 1, in(5), 15)
	if run := l.artisan(t, 0, "pushd:cron"); !strings.Contains(run.Stdout, "actid=1 ") {
		t.Errorf("%s", run.Stdout)
	}
	l.want(t, 1)
	if run := l.artisan(t, 0, "pushd:doctor"); !strings.Contains(run.Stdout, "ok    due_query: 1 channels are due now, the first 1 of wx1") {
		t.Errorf("%s", run.Stdout)
	}
	l.pushd.set(func(posted) reply { return reply{status: 503, body: map[string]any{"code": "unavailable"}} })
	l.artisan(t, 1, "pushd:cron")
	l.artisan(t, 0, "pushd:cron", "--scheduled") // heals by itself
	l.pushd.set(func(posted) reply { return problem(422, "invalid_request") })
	l.artisan(t, 2, "pushd:cron", "--scheduled")
	if err := os.Remove(filepath.Join(l.dir, "config/pushd.php")); err != nil {
		t.Fatal(err)
	}
	l.artisan(t, 0, "vendor:publish", "--tag=pushd-config")
	if text, err := os.ReadFile(filepath.Join(l.dir, "config/pushd.php")); err != nil || !strings.Contains(string(text), "'token_route' => 'wechat/token'") {
		t.Errorf("published: %s, %v", text, err)
	}
}

// The tables are made by the application's own migrations, too, where they are
// published; --pretend prints them.
func TestLaravel_Migrations(t *testing.T) {
	l := newLaravel(t, accepted)
	l.artisan(t, 0, "vendor:publish", "--tag=pushd-migrations")
	if run := l.artisan(t, 0, "migrate", "--pretend", "--force"); !strings.Contains(run.Stdout, "CREATE TABLE IF NOT EXISTS wx_access_token") {
		t.Errorf("--pretend: %s", run.Stdout)
	}
	const made = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'wx_access_token'"
	if n := l.number(t, made); n != 0 {
		t.Error("--pretend made tables")
	}
	if run := l.artisan(t, 0, "migrate", "--force"); !strings.Contains(run.Stdout, "the tables are up to date") {
		t.Errorf("%s", run.Stdout)
	}
	if n := l.number(t, made); n != 1 {
		t.Error("migrate made no tables")
	}
	if run := l.artisan(t, 0, "pushd:migrate"); !strings.HasPrefix(run.Stdout, "the tables are up to date") {
		t.Errorf("after it: %s", run.Stdout)
	}
	l.artisan(t, 0, "migrate:rollback", "--force")
	if n := l.number(t, made); n != 1 {
		t.Error("a rollback has dropped live tokens")
	}
}

// The scheduler runs it each minute, in the background: whatever comes after it does
// not wait.
func TestLaravel_Scheduler(t *testing.T) {
	l := newLaravel(t, accepted)
	l.artisan(t, 0, "pushd:migrate")
	l.channel(t, 1, 1, in(5), 15)
	began := time.Now()
	l.artisan(t, 0, "schedule:run")
	t.Logf("schedule:run returned after %s", time.Since(began))
	log := filepath.Join(l.dir, "storage/logs/pushd-cron.log")
	for limit := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(log); err == nil && strings.Contains(string(text), "actid=1 ") {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the log has no line of the channel")
		}
	}
	l.want(t, 1)
}

// The route is the token endpoint, without session, CSRF check and throttle.
func TestLaravel_TokenRoute(t *testing.T) {
	l := newLaravel(t, accepted)
	l.artisan(t, 0, "pushd:migrate")
	own := blockWith(t, "recipes-laravel.md", "implements Source")
	for _, source := range []struct{ recipe, token string }{{"", "marked-token-wx1-0"}, {own, "marked-token-of-the-platform"}} {
		e := &endpoint{l.platform, l.wechat, l.host, ""}
		tokenRoute(t, e, func(keys string) string {
			return l.host.With(phptest.Settings{"token_key": keys, "RECIPE": source.recipe}).Serve(t, filepath.Join(l.dir, "index.php")) + "/wechat"
		}, source.token)
	}
}

// The route is WeChat's callback, with the recipe's listener and without one. It has
// no CSRF check and no session, and of no secret, or a short one, it opens nothing.
func TestLaravel_Callback(t *testing.T) {
	l := newLaravel(t, accepted)
	c, set := newCallback(t, l.platform, "")
	set["url"], set["callback_secret"] = c.taken.URL, callbackSecret
	set["RECIPE_LISTENER"] = blockWith(t, "recipes-laravel.md", "implements Listener")
	l.host = l.host.With(set)
	l.artisan(t, 0, "pushd:migrate")
	c.url = l.host.Serve(t, filepath.Join(l.dir, "index.php")) + "/wechat/callback"
	callbackRoute(t, c, func(args ...string) phptest.Run {
		return l.host.Script(t.Context(), t, filepath.Join(l.dir, "artisan"), append([]string{"pushd:housekeeping"}, args...)...)
	})
	c.withoutListener(t, func(set phptest.Settings) string {
		return l.host.With(set).Serve(t, filepath.Join(l.dir, "index.php"))
	}, phptest.Settings{"RECIPE_LISTENER": ""}, "callback_secret")
	if run := l.artisan(t, 0, "schedule:list"); strings.Count(run.Stdout, "pushd:") != 3 {
		t.Errorf("the scheduler: %s", run.Stdout)
	}
}

// Composer installs the package as the recipes say: its classes are found without
// autoload.php.
func TestComposer_Installs(t *testing.T) {
	composer, err := exec.LookPath("composer")
	if err != nil {
		t.Fatal("composer is not installed (Debian: apt-get install composer)")
	}
	for _, recipe := range recipes {
		composerInstalls(t, composer, recipe)
	}
}

// composerInstalls runs the lines of a recipe. What is installed is a copy: another
// version in the place that it came from changes nothing that runs.
func composerInstalls(t *testing.T, composer, recipe string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + recipe)
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    composer (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 2 {
		t.Fatalf("%s has %d lines for Composer", recipe, len(lines))
	}
	dir := t.TempDir()
	write(t, dir+"/composer.json", `{"repositories": {"packagist.org": false}}`)
	for _, line := range lines {
		of := strings.ReplaceAll(line[1], "/usr/share/pushd/php", phptest.Dir())
		cmd := exec.CommandContext(t.Context(), "sh", "-c", composer+" --no-interaction --no-plugins "+of)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "COMPOSER_ALLOW_SUPERUSER=1", "COMPOSER_HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s: %v\n%s", recipe, of, err, out)
		}
	}
	if info, err := os.Lstat(dir + "/vendor/pushd/platform"); err != nil || !info.IsDir() {
		t.Errorf("%s: the package is no copy: %v, %v", recipe, info, err)
	}
	write(t, dir+"/try.php", `<?php
		require __DIR__ . '/vendor/autoload.php';
		$config = Pushd\Platform\Config::of(['db_dsn' => 'sqlite:' . __DIR__ . '/a.db', 'api_key' => 'k']);
		exit(Pushd\Platform\Console\Migrate::command(function () use ($config) { return $config; }, true, false, STDOUT, STDERR));`)
	run := phptest.New(t, nil).Script(t.Context(), t, dir+"/try.php")
	if run.Code != 0 || !strings.Contains(run.Stdout, "the tables are up to date") {
		t.Errorf("%+v", run)
	}
}
