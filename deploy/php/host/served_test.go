package host_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// asset is a file that everybody may read.
var asset = regexp.MustCompile(`^host/assets/\w+\.(css|js|svg)$`)

// Nothing is served but the assets and what the routes answer, whatever lies beside
// the code: settings, keys, what editors and people leave, tests, other scripts.
func TestWeb_ServesNoFiles(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 1, phptest.WebOptions{})
	planted := map[string]bool{}
	for _, name := range []string{".env", "api-key", "config.php.bak", "config.php~", "dump.sql", "host/config.php.bak", "host/index.php~", "host/.index.php.swp",
		"host/.git/config", "host/info.php", "host/backup.zip", "host/assets/app.js.bak", "host/assets/.env", "host/assets/a.php", "host/assets/notes.txt"} {
		planted[name] = true
		path := filepath.Join(w.web.PHP, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("<?php echo 'marked '.'file';\nmarked file"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files := 0
	err := filepath.WalkDir(w.web.PHP, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(w.web.PHP, path)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		inside := strings.TrimPrefix(name, "host/")
		addresses := []string{"/" + inside, "/../" + name, "/assets/%2e%2e/%2e%2e/" + name}
		if planted[name] || !strings.Contains(inside, "/") {
			addresses = append(addresses, "/"+name, "/assets/../../"+name, "/assets/"+inside, "/assets..%2f"+name,
				"/wechat/"+name, "/wechat/token.php/../../"+name, "/"+inside+"%00.css", "/"+inside+"/x.css", "//"+inside)
		}
		for _, address := range addresses {
			status, body := w.raw(http.MethodGet, address)
			want := asset.MatchString(name) && strings.HasSuffix(address, "/"+inside)
			if status == 200 && !want || status == 200 && string(text) != body || status >= 500 || strings.Contains(body, "marked file") {
				t.Errorf("%s: %d %.60q", address, status, body)
			}
		}
		return nil
	})
	if err != nil || files < 150 {
		t.Fatal(files, err)
	}
	if status, body := w.raw(http.MethodGet, "/wechat/token.php"); status != 401 || !strings.Contains(body, `"code":1`) {
		t.Errorf("the token endpoint: %d %s", status, body)
	}
}

// The recipe for the panel 宝塔 leaves token.php alone reachable, although the
// panel's rule for all PHP files stays where it is.
func TestWeb_PanelRecipe(t *testing.T) {
	t.Parallel()
	recipe := regexp.MustCompile(`(?m)^    location \^~ / .*\n(    .*\n)+`).FindString(read(t, "../../../docs/recipes-server.md"))
	if recipe == "" {
		t.Fatal("the recipe has no block for nginx")
	}
	w := newWebSite(t, 1)
	w.settings["receipts"] = "true" // no mirror
	w.open(t, phptest.WebOptions{Change: func(name, text string) string {
		switch name {
		case "pushd/host.conf":
			return regexp.MustCompile(`root \S+/host;`).FindString(text)
		case "pushd/token.conf":
			pass := regexp.MustCompile(`fastcgi_pass \S+;`).FindString(text)
			text = strings.NewReplacer("include fastcgi.conf;", "include /etc/nginx/fastcgi.conf;", "fastcgi_pass unix:/tmp/php-cgi-82.sock;", pass).Replace(recipe)
			return text + `location ~ [^/]\.php(/|$) { try_files $uri =404; include /etc/nginx/fastcgi.conf; ` + pass + ` }`
		}
		return text
	}})
	site := w.web.PHP + "/host" // as the panel's site directory
	for name, text := range map[string]string{"token.php": "<?php require '../token.php';", "cron.php": "<?php echo 'marked file';", "config.php.bak": "marked file",
		".user.ini": "marked file", ".well-known/acme-challenge/x": "proof"} {
		path := filepath.Join(site, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]int{"/token.php": 401, "/.well-known/acme-challenge/x": 200, "/cron.php": 403, "/cron.php/x": 403, "/token.php/../cron.php": 403,
		"/index.php": 403, "/views/login.php": 403, "/config.php.bak": 403, "/.user.ini": 403, "/": 403} {
		if status, body := w.raw(http.MethodGet, address); status != want || strings.Contains(body, "marked") {
			t.Errorf("%s: %d %s, want %d", address, status, body, want)
		}
	}
}

// raw asks for an address as it is written, dots and all.
func (w *webSite) raw(method, address string) (status int, body string) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.host, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, address)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.t.Fatal(address, err)
	}
	return resp.StatusCode, readAll(w.t, resp)
}

// The keys have the modes that the documents give them: PHP reads them as www-data
// and can't change them, and no other user reads them. php doctor.php agrees.
func TestWeb_Keys(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 1, phptest.WebOptions{})
	if got := w.login(alice).page("/channels"); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	dir := w.web.Path("/etc/pushd-php")
	keys, err := filepath.Glob(dir + "/*")
	if err != nil || len(keys) != 6 {
		t.Fatal(keys, err)
	}
	for file, want := range map[string]os.FileMode{dir: 0o750, w.web.PHP + "/config.php": 0o640, keys[0]: 0o640, keys[5]: 0o640, w.web.Path("/var/lib/php/pushd-sessions"): 0o700} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", file, got, want)
		}
	}
	sessions, err := os.ReadDir(w.web.Path("/var/lib/php/pushd-sessions"))
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	migrate := w.php.With(phptest.Settings{"db_user": w.settings["db_user"][:len(w.settings["db_user"])-len("_php")] + "_migrate"})
	if run := migrate.Script(t.Context(), t, w.web.PHP+"/migrate.php", "--host"); run.Code != 0 {
		t.Errorf("php migrate.php: %+v", run)
	}
	doctor := exec.Command(phptest.PHP(t), w.web.PHP+"/doctor.php")
	doctor.Env = []string{"PATH=" + os.Getenv("PATH")}
	if os.Geteuid() == 0 {
		doctor.SysProcAttr = &syscall.SysProcAttr{Credential: phptest.WWWData(t)}
	}
	out, err := doctor.CombinedOutput()
	if err != nil {
		t.Errorf("php doctor.php: %v: %s", err, out)
	}
	// A key that root alone can read: pushd hears what is wrong, a stranger nothing.
	if os.Geteuid() != 0 {
		return // it would be this user's
	}
	if err := os.Chown(dir+"/token_key_file", 0, 0); err != nil {
		t.Fatal(err)
	}
	if status, body := w.raw(http.MethodGet, "/wechat/token.php?appid=wxalice"); status != 500 || strings.Contains(body, appSecret) || !strings.Contains(body, "token_key") {
		t.Errorf("%d %s", status, body)
	}
}

// HEAD is answered as GET is, without the body; scripts and styles may be kept,
// for the pages name each version by an address of its own, and pages may not.
func TestWeb_Headers(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 1, phptest.WebOptions{})
	w.channel(11, alice, "x", time.Now().Add(time.Hour), 0)
	b := w.browser()
	for _, path := range []string{"/login", "/watch/11", "/watch/99", "/api/watch/11", "/channels", "/assets/app.js", "/nothing"} {
		get, head := b.page(path), b.do(http.MethodHead, path, "", "")
		if head.status != get.status || head.text != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("%s: GET %d %s, HEAD %d %s %q", path, get.status, get.header.Get("Content-Type"), head.status, head.header.Get("Content-Type"), head.text)
		}
		if want := map[bool]string{true: "max-age=604800", false: "no-store"}[strings.HasPrefix(path, "/assets/")]; get.status != 303 && get.header.Get("Cache-Control") != want {
			t.Errorf("%s: Cache-Control %q", path, get.header.Get("Cache-Control"))
		}
		if get.header.Get("X-Powered-By") != "" {
			t.Errorf("%s says %s", path, get.header.Get("X-Powered-By"))
		}
	}
	kinds := map[string]string{"js": "application/javascript", "css": "text/css", "svg": "image/svg+xml"}
	for _, page := range []string{b.page("/login").text, b.page("/watch/11").text} {
		named := regexp.MustCompile(`"(/assets/\w+\.(\w+)\?v=[0-9a-f]+)"`).FindAllStringSubmatch(page, -1)
		if len(named) == 0 || strings.Count(page, "/assets/") != len(named) {
			t.Errorf("%d of %d assets are named with their version", len(named), strings.Count(page, "/assets/"))
		}
		for _, m := range named {
			if got := b.page(m[1]); got.status != 200 || got.header.Get("Content-Type") != kinds[m[2]] {
				t.Errorf("%s: %d %s", m[1], got.status, got.header.Get("Content-Type"))
			}
		}
	}
}

// Passwords and codes can be asked for so often and no oftener from one address;
// whoever only opens the form, or comes from another address, is not kept out.
// Behind a balancer an address is what the balancer says, not what a client says.
func TestWeb_Limits(t *testing.T) {
	t.Parallel()
	w := newWebSite(t, 1)
	w.channel(11, alice, "x", time.Now().Add(time.Hour), 0)
	for name, c := range map[string]struct {
		proxied bool
		from    func(i int) string // X-Forwarded-For of the one who guesses
		other   string             // of another client, who is let in where that counts
	}{
		"direct":      {false, func(i int) string { return fmt.Sprint("203.0.113.", i) }, ""},
		"balancer":    {true, func(int) string { return "203.0.113.1" }, "203.0.113.2"},
		"claims more": {true, func(i int) string { return fmt.Sprintf("198.51.100.%d, 203.0.113.1", i) }, "203.0.113.1, 203.0.113.2"},
	} {
		t.Run(name, func(t *testing.T) {
			w.open(t, phptest.WebOptions{Proxied: c.proxied})
			b := w.browser()
			b.token(b.page("/login"))
			guess := func(from string) reply {
				b.forwarded = from
				return b.post("/login", url.Values{"csrf": {b.csrf}, "uin": {"1"}, "password": {"wrong"}})
			}
			kept := 0
			for i := range 20 {
				if got := guess(c.from(i)); got.status == 429 {
					kept++
					if !strings.Contains(got.text, "请一分钟后再试") || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
						t.Errorf("%s %s", got.header.Get("Content-Type"), got.text)
					}
				} else if got.status == 303 || !strings.Contains(got.text, "密码不正确") {
					t.Errorf("%d %s", got.status, got.text)
				}
			}
			if kept < 10 {
				t.Errorf("%d of 20 guesses were kept out", kept)
			}
			for range 10 {
				if got := b.page("/login"); got.status != 200 {
					t.Errorf("the form: %d", got.status)
				}
			}
			if got := guess(c.other); c.other != "" && got.status == 429 {
				t.Errorf("another address: %d", got.status)
			}
			b.forwarded = c.from(1)
			if refused := b.atOnce("/api/watch/99", 2000); refused == 0 {
				t.Error("2,000 requests of one viewer at once are all let in")
			}
			if got := b.page("/watch/11"); got.status != 200 {
				t.Errorf("the page itself: %d", got.status)
			}
		})
	}
}

// atOnce asks many times, and returns how often that was too often.
func (b *browser) atOnce(path string, times int) (refused int32) {
	b.t.Helper()
	var all sync.WaitGroup
	var count, asked atomic.Int32
	for range 16 {
		all.Go(func() {
			for asked.Add(1) <= int32(times) && count.Load() == 0 {
				if got := b.page(path); got.status == 429 {
					count.Add(1)
					if got.Code != "too_often" || got.Message == "" {
						b.t.Errorf("%s", got.text)
					}
				}
			}
		})
	}
	all.Wait()
	return count.Load()
}
