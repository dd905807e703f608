package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// phpWorkers is how many requests the platform's PHP answers at once.
const phpWorkers = 20

// platformPHP is a platform's web server with deploy/php: nginx and php-fpm
// where both are installed (Debian: nginx-light, php-fpm), else PHP's own.
type platformPHP struct {
	kind string
	url  string // its root
	dir  string
	env  []string // of all PHP of the platform
	all  []*exec.Cmd
	log  bytes.Buffer
}

// freeAddress is an address of this machine on which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// servePHP starts the web server on an address, for a database of the stage
// and the simulated WeChat, with further settings ("PUSHD_PREFETCH=0").
func (s *stage) servePHP(ctx context.Context, address, database string, settings ...string) (*platformPHP, error) {
	w := &platformPHP{url: "http://" + address}
	var err error
	if w.dir, err = os.MkdirTemp(s.dir, "php"); err != nil {
		return nil, err
	}
	env := append(os.Environ(),
		"PUSHD_PHP_CONFIG="+filepath.Join(w.dir, "config.php"), "PUSHD_TOKEN_KEY="+tokenKey, "PUSHD_WECHAT_URL="+s.sim.URLs[0],
		fmt.Sprintf("PUSHD_DB_DSN=mysql:unix_socket=%s;dbname=%s;charset=utf8mb4", s.db.Socket(), database), "PUSHD_DB_USER=root")
	env = append(env, settings...)
	w.env = env
	if err := os.WriteFile(filepath.Join(w.dir, "config.php"), []byte("<?php return [];"), 0o600); err != nil {
		return nil, err
	}
	fpm, nginx := fpmProgram(), installed("nginx")
	trust := "curl.cainfo=" + s.sim.Cert
	if fpm == "" || nginx == "" {
		w.kind = fmt.Sprintf("php -S with %d workers", phpWorkers)
		env = append(env, fmt.Sprintf("PHP_CLI_SERVER_WORKERS=%d", phpWorkers))
		err = w.start(ctx, env, "php", "-d", trust, "-S", address, "-t", filepath.Join(s.root, "deploy", "php"))
	} else {
		w.kind = fmt.Sprintf("nginx and php-fpm with %d workers", phpWorkers)
		err = w.fpm(ctx, env, fpm, nginx, trust, address, filepath.Join(s.root, "deploy", "php"))
	}
	if err == nil {
		err = w.await(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// fpm starts php-fpm and an nginx in front of it.
func (w *platformPHP) fpm(ctx context.Context, env []string, fpm, nginx, trust, address, root string) error {
	pool := fmt.Sprintf(`[global]
error_log = %[1]s/fpm.log
daemonize = no
[www]
listen = %[1]s/php.sock
pm = static
pm.max_children = %[2]d
clear_env = no
`, w.dir, phpWorkers)
	site := fmt.Sprintf(`daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server {
    listen %[2]s backlog=2048;
    location / {
      fastcgi_pass unix:%[1]s/php.sock;
      fastcgi_param SCRIPT_FILENAME %[3]s$uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
    }
  }
}
`, w.dir, address, root)
	if os.Geteuid() == 0 { // nginx's workers and PHP's must meet at the socket
		pool += "user = root\ngroup = root\n"
		site = "user root;\n" + site
	}
	for name, text := range map[string]string{"fpm.conf": pool, "nginx.conf": site} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := w.start(ctx, env, fpm, "-R", "-F", "-d", trust, "-y", filepath.Join(w.dir, "fpm.conf")); err != nil {
		return err
	}
	return w.start(ctx, env, nginx, "-e", filepath.Join(w.dir, "nginx.log"), "-c", filepath.Join(w.dir, "nginx.conf"))
}

// start starts a program in a process group of its own.
func (w *platformPHP) start(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &w.log, &w.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	w.all = append(w.all, cmd)
	return nil
}

// await waits until PHP answers.
func (w *platformPHP) await(ctx context.Context) error {
	var err error
	for began := time.Now(); time.Since(began) < 20*time.Second; {
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/token.php", nil); err != nil {
			return err
		}
		var resp *http.Response
		if resp, err = http.DefaultClient.Do(req); err == nil {
			if err = resp.Body.Close(); resp.StatusCode == http.StatusUnauthorized {
				return err
			}
			err = fmt.Errorf("token.php without a key: %s", resp.Status)
		}
		if perr := pause(ctx, 50*time.Millisecond); perr != nil {
			return perr
		}
	}
	return fmt.Errorf("the platform's PHP does not answer: %w", err)
}

// cron runs cron.php once against a pushd, and returns its CPU time. That some
// POSTs are left for the next run is no error.
func (w *platformPHP) cron(ctx context.Context, p *play) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "php", "-d", "curl.cainfo="+p.sim.Cert, filepath.Join(p.root, "deploy", "php", "cron.php"))
	cmd.Env = append(slices.Clone(w.env), "PUSHD_URL="+p.Client.URL, "PUSHD_API_KEY="+apiKey)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || err != nil && cmd.ProcessState.ExitCode() != 1 {
		return 0, fmt.Errorf("run cron.php: %w: %s", err, out[max(0, len(out)-2000):])
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// cpu is the CPU time that the programs have used, with their workers.
func (w *platformPHP) cpu() (sum time.Duration, err error) {
	for _, cmd := range w.all {
		used, err := cpuOfGroup(cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// close ends the programs and their workers.
func (w *platformPHP) close() error {
	var err error
	for _, cmd := range w.all {
		err = errors.Join(err, syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
		_ = cmd.Wait() // killed
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// installed is the path of a program that root's PATH may hold alone; "" if it
// is not installed.
func installed(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := exec.LookPath(filepath.Join("/usr/sbin", name))
	if err != nil {
		return ""
	}
	return path
}

// fpmProgram finds php-fpm: Debian has its version in the name.
func fpmProgram() string {
	if path := installed("php-fpm"); path != "" {
		return path
	}
	version, err := exec.Command("php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;").Output()
	if err != nil {
		return ""
	}
	return installed("php-fpm" + strings.TrimSpace(string(version)))
}
