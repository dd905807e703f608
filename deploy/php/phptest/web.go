package phptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// WebOptions are what a Web is made of.
type WebOptions struct {
	// Address is where nginx listens.
	Address string
	// Pushd is the address (host:port) to which nginx mirrors receipts; "": it
	// mirrors none.
	Pushd string
	// Settings go into config.php; those whose names end in _file are what the file
	// holds.
	Settings Settings
	// Workers is the size of the host's pool; 0: as documented.
	Workers int
	// Proxied adds proxied.conf, for a balancer on this machine.
	Proxied bool
	// Change may change a file of the configuration, such as "pushd/host.conf".
	Change func(name, text string) string
}

// Web is a web server of a platform as the documents set it up: nginx and php-fpm
// in front of a copy of deploy/php. The documents' commands put the files of
// deploy/nginx and deploy/php-fpm, the settings and the keys into their places;
// only addresses and paths are others.
type Web struct {
	URL string
	// PHP is where the PHP files lie: /srv/pushd-php.
	PHP string

	t       testing.TB
	dir     string
	options WebOptions
}

// NewWeb starts a web server. It ends with the test, which fails if PHP complained.
func NewWeb(t testing.TB, o WebOptions) *Web {
	t.Helper()
	dir, err := os.MkdirTemp("", "pushd-web-") // readable by www-data, as t.TempDir is not
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &Web{URL: "http://" + o.Address, PHP: dir + "/srv", t: t, dir: dir, options: o}
	w.must(os.Chmod(dir, 0o755))
	for _, name := range []string{"run", "tmp", "pool.d", "nginx/conf.d", "keys"} {
		w.must(os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	w.must(os.Chmod(filepath.Join(dir, "tmp"), 0o1777))
	w.must(os.CopyFS(w.PHP, os.DirFS(Dir())))
	w.keys()
	w.follow("../../docs/host.md")
	if o.Pushd != "" {
		w.follow("../../docs/operations.md")
	}
	if o.Proxied {
		w.run("../..", "cp deploy/nginx/proxied.conf /etc/nginx/conf.d/pushd-proxied.conf")
	}
	w.adapt()
	w.startFPM()
	w.startNginx()
	return w
}

func (w *Web) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// command is a line of a document by which a file comes into its place.
var command = regexp.MustCompile(`(?m)^ +((?:cp|mkdir -p|install) .*(?:/etc/nginx|pool\.d|pushd-sessions|pushd-php).*)$`)

// follow does what a document says, by its name beside deploy/php. A README speaks of
// its own directory, the others of the repository.
func (w *Web) follow(document string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(Dir(), document))
	w.must(err)
	all := command.FindAllStringSubmatch(string(text), -1)
	if len(all) == 0 {
		w.t.Fatalf("%s has no command that puts a file into its place", document)
	}
	in := "../.."
	if filepath.Base(document) == "README.md" {
		in = "."
	}
	for _, m := range all {
		w.run(in, m[1])
	}
}

// run runs a command of a document in a directory, with this web server's paths.
func (w *Web) run(in, line string) {
	w.t.Helper()
	if os.Geteuid() != 0 { // then all is this user's
		line = regexp.MustCompile(` -[og] www-data`).ReplaceAllString(line, "")
	}
	cmd := exec.Command("sh", "-euc", w.paths(line))
	cmd.Dir = filepath.Join(Dir(), in)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// paths puts this web server's paths in place of those of the documents.
func (w *Web) paths(text string) string {
	return strings.NewReplacer(
		"/etc/pushd/api-key /etc/pushd/token-key", w.dir+"/keys/*", "/etc/pushd-php", w.dir+"/php-keys", " config.php ", " "+w.dir+"/config.php ",
		"/srv/pushd-php", w.PHP, "/etc/nginx", w.dir+"/nginx", "/etc/php/8.2/fpm/pool.d", w.dir+"/pool.d",
		"/var/lib/php/pushd-sessions", w.dir+"/sessions", "/run/php/", w.dir+"/run/",
		"/var/log/nginx", w.dir,
	).Replace(text)
}

// keys writes config.php and the keys, and has them put where PHP reads them.
func (w *Web) keys() {
	w.t.Helper()
	text := "<?php\nreturn [\n"
	for name, value := range w.options.Settings {
		if strings.HasSuffix(name, "_file") {
			w.must(os.WriteFile(filepath.Join(w.dir, "keys", name), []byte(value+"\n"), 0o600))
			value = filepath.Join(w.dir, "php-keys", name)
		}
		text += fmt.Sprintf("    '%s' => '%s',\n", name, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
	}
	w.must(os.WriteFile(filepath.Join(w.dir, "config.php"), []byte(text+"];\n"), 0o600))
	w.follow("README.md")
}

// adapt gives the files of the configuration this web server's paths and addresses.
func (w *Web) adapt() {
	w.t.Helper()
	for _, pattern := range []string{"nginx/conf.d/*", "nginx/pushd/*", "pool.d/*"} {
		files, err := filepath.Glob(filepath.Join(w.dir, pattern))
		w.must(err)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			w.must(err)
			text := strings.NewReplacer("127.0.0.1:8080", w.options.Pushd, "set_real_ip_from 10.0.0.0/8;", "set_real_ip_from 127.0.0.1;").Replace(w.paths(string(raw)))
			name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
			if w.options.Workers > 0 && name == "pool.d/pushd-host.conf" {
				text = regexp.MustCompile(`pm\.max_children = \d+`).ReplaceAllString(text, fmt.Sprint("pm.max_children = ", w.options.Workers))
				text = strings.Replace(text, "pm = dynamic", "pm = static", 1)
			}
			if w.options.Pushd != "" {
				text = strings.Replace(text, "# mirror /pushd-receipts;", "mirror /pushd-receipts;", 1)
			}
			if w.options.Change != nil {
				text = w.options.Change(name, text)
			}
			w.must(os.WriteFile(file, []byte(text), 0o644))
		}
	}
}

// startFPM starts php-fpm with the pools.
func (w *Web) startFPM() {
	w.t.Helper()
	log, file := filepath.Join(w.dir, "fpm.log"), filepath.Join(w.dir, "php-fpm.conf")
	w.must(os.WriteFile(file, fmt.Appendf(nil, "[global]\nerror_log = %s\ninclude = %s/pool.d/*.conf\n", log, w.dir), 0o600))
	start(w.t, fpmProgram(w.t), append(strict[:len(strict):len(strict)], "--nodaemonize", "--fpm-config", file, "-d", "display_errors=0", "-d", "sys_temp_dir="+filepath.Join(w.dir, "tmp"))...)
	w.t.Cleanup(func() {
		if bad := complaint.FindString(w.Log()); bad != "" {
			w.t.Error(bad)
		}
	})
	for _, socket := range []string{"pushd-token.sock", "pushd-callback.sock", "pushd-host.sock"} {
		await(w.t, "unix", filepath.Join(w.dir, "run", socket), log)
	}
}

// startNginx starts nginx with the files of the distribution and of the documents.
func (w *Web) startNginx() {
	w.t.Helper()
	for _, name := range []string{"fastcgi_params", "mime.types"} {
		text, err := os.ReadFile("/etc/nginx/" + name)
		w.must(err)
		w.must(os.WriteFile(filepath.Join(w.dir, "nginx", name), text, 0o644))
	}
	server := "include pushd/host.conf; include pushd/token.conf;"
	if w.options.Pushd != "" {
		server += " include pushd/receipts.conf;"
	}
	StartNginx(w.t, filepath.Join(w.dir, "nginx"), w.options.Address,
		fmt.Sprintf("  include mime.types;\n  access_log %s/access.log;\n  include conf.d/*.conf;\n  server { listen %s backlog=2048; %s }\n", w.dir, w.options.Address, server))
}

// Log is what nginx and PHP have complained about. What PHP's workers say is in
// nginx's log.
func (w *Web) Log() string {
	fpm, _ := os.ReadFile(filepath.Join(w.dir, "fpm.log"))
	nginx, _ := os.ReadFile(filepath.Join(w.dir, "nginx/nginx.log"))
	return string(fpm) + string(nginx)
}

// Path is a file of this web server, by its path in the documents.
func (w *Web) Path(documented string) string { return w.paths(documented) }

// Host is the machine of the web server: its cron and its other scripts, with its
// settings.
func (w *Web) Host() *Host {
	return New(w.t, nil).With(Settings{"PUSHD_PHP_CONFIG": filepath.Join(w.PHP, "config.php")})
}
