package packages

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// order is one in which the services of deploy/compose.yaml can start; what has
// ended before the next one starts is marked.
var order = []struct {
	name string
	ends bool
}{
	{"db", false}, {"migrate", true}, {"migrate-php", true}, {"grants", true}, {"simulator", false}, {"token", false}, {"pushd", false}, {"host", false}, {"cron", false},
}

// checkout is a copy of what compose reads, with secrets drawn.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range strings.Fields(output(t, "git", "-C", repository, "ls-files", "deploy", ".dockerignore")) {
		b, err := os.ReadFile(filepath.Join(repository, name))
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, path.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	output(t, "sh", filepath.Join(dir, "deploy/compose/secrets.sh"))
	return dir
}

// project reads the compose file as compose does: it must fit the
// specification's schema.
func project(t *testing.T, dir string) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{filepath.Join(dir, "deploy/compose.yaml")}, cli.WithEnv(nil))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever the file names exists, and the order of the test is one that the file
// allows.
func TestCompose_Names(t *testing.T) {
	dir := checkout(t)
	p := project(t, dir)
	var names []string
	started := make(map[string]bool)
	for _, o := range order {
		names = append(names, o.name)
		s := p.Services[o.name]
		for on, how := range s.DependsOn {
			if !started[on] {
				t.Errorf("%s waits for %s, which starts later", o.name, on)
			}
			ends := slices.ContainsFunc(order, func(o struct {
				name string
				ends bool
			}) bool {
				return o.name == on && o.ends
			})
			if (how.Condition == types.ServiceConditionCompletedSuccessfully) != ends {
				t.Errorf("%s waits for %s to be %s", o.name, on, how.Condition)
			}
		}
		started[o.name] = true
		if s.Build != nil {
			text, err := os.ReadFile(filepath.Join(s.Build.Context, s.Build.Dockerfile))
			if err != nil || s.Build.Target != "" && !strings.Contains(string(text), " AS "+s.Build.Target+"\n") {
				t.Errorf("%s: no target %q in %s: %v", o.name, s.Build.Target, s.Build.Dockerfile, err)
			}
		} else if !fullName.MatchString(s.Image) {
			t.Errorf("%s: %s does not say from where", o.name, s.Image)
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s: %v", o.name, err)
			}
		}
	}
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(p.Services)); !slices.Equal(got, names) {
		t.Errorf("the file has %q, the test %q", got, names)
	}
	for _, s := range p.Secrets {
		if info, err := os.Stat(s.File); err != nil || info.Size() < 16 {
			t.Errorf("secrets.sh draws no %s: %v", s.File, err)
		}
	}
}

// fullName is a name of an image that means the same to docker and podman.
var fullName = regexp.MustCompile(`^[a-z.]+\.[a-z]+/\S+:\S+$`)

// Images are named in full, or are a stage of the same file.
func TestContainerfiles_FullNames(t *testing.T) {
	for _, name := range []string{"deploy/Containerfile", "deploy/compose/php.Containerfile"} {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		stages := map[string]bool{"scratch": true}
		for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)(?: AS (\S+))?$`).FindAllStringSubmatch(string(text), -1) {
			if !stages[m[1]] && !fullName.MatchString(m[1]) {
				t.Errorf("%s: %s does not say from where", name, m[1])
			}
			stages[m[2]] = true
		}
		for _, m := range regexp.MustCompile(`COPY --from=(\S+)`).FindAllStringSubmatch(string(text), -1) {
			if !stages[m[1]] {
				t.Errorf("%s: there is no stage %s", name, m[1])
			}
		}
	}
}

// There is no container here, but there are the programs: each service's command
// runs as the file says, with its environment, secrets and files where the
// container would have them, in a throw-away root with a network of its own. The
// reminder of one channel goes from cron to the simulator's followers.
func TestCompose_Runs(t *testing.T) {
	need(t, "mariadbd", "mariadb-install-db", "mariadb", "php", "ip", "curl")
	r := newRoot(t)
	dir := checkout(t)
	p := project(t, dir)
	for binary, pkg := range map[string]string{"pushd": "./cmd/pushd", "wechatsim": "./internal/wechatsim/cmd/wechatsim"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, binary), pkg)
		cmd.Dir, cmd.Env = repository, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}

	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("ip link set lo up")
	line("echo '127.0.0.1 localhost %s' > /etc/hosts", strings.Join(slices.Sorted(maps.Keys(p.Services)), " "))
	line("mkdir -p /run/secrets /run/mysqld /var/lib/pushd && cp %s/deploy/compose/secrets/* /run/secrets/", dir)
	line("cp %[1]s/pushd %[1]s/wechatsim / && cp -r %[1]s/deploy/php /srv/pushd-php", dir)
	line(`until_ok() { n=0; until "$@" >/dev/null 2>/said; do n=$((n+1)); [ $n -lt 300 ] || { echo "never: $*"; cat /said; exit 1; }; sleep 0.2; done; }`)
	for _, o := range order {
		c := p.Services[o.name]
		line("echo == %s", o.name)
		if o.name == "cron" {
			line("%s", channel)
		}
		if o.name == "db" {
			database(c, line)
			continue
		}
		command := commandLine(t, c)
		if o.ends {
			line("%s", command)
			continue
		}
		line("%s > /%s.log 2>&1 &", command, o.name)
		if o.name == "pushd" {
			line("until_ok %s", inContainer(c, c.HealthCheck.Test[1:]))
		}
	}
	line("until_ok curl -sf http://host:8000/login")
	line("until_ok sh -c '[ \"$(MYSQL_PWD=$(cat /run/secrets/db-root) mariadb -uroot -N live -e \"SELECT live_notify_status FROM activity_detail WHERE act_id = 42\")\" = 2 ]'")
	line("%s", inContainer(p.Services["pushd"], []string{"/pushd", "job", "list", "--server=http://pushd:8080"}))

	cmd := r.command(s.String())
	cmd.Args = slices.Insert(cmd.Args, 1, "--net", "--pid", "--fork", "--kill-child")
	out, err := cmd.CombinedOutput()
	if err != nil || !regexp.MustCompile(`succeeded +9[89]\d `).Match(out) {
		t.Errorf("%v\n%s", err, out)
		for _, o := range order {
			if log, err := os.ReadFile(filepath.Join(r.dir, "upper", o.name+".log")); err == nil {
				t.Logf("%s said\n%s", o.name, log)
			}
		}
	}
}

// channel is what the owner does in the host: an account and a channel that
// is due.
const channel = `template=$(sed -n 's/.*"TemplateID":"\([^"]*\)".*/\1/p' /simulator.log)
MYSQL_PWD=$(cat /run/secrets/db-root) mariadb -uroot live <<SQL
INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (1, 'wx0123456789abcdef', 'any');
INSERT INTO user_wx_config (uin, act_live_template_id, status) VALUES (1, '$template', 1);
INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (42, 1, 'A stream', UNIX_TIMESTAMP() + 600, 'https://www.example.com/42');
INSERT INTO activity_detail (act_id, live_notify) VALUES (42, 1);
SQL`

// database does what MariaDB's image does with the service's settings.
func database(c types.ServiceConfig, line func(string, ...any)) {
	name, password := *c.Environment["MARIADB_DATABASE"], *c.Environment["MARIADB_ROOT_PASSWORD_FILE"]
	line("mariadb-install-db --no-defaults --auth-root-authentication-method=normal --datadir=/db --skip-test-db --user=root >/dev/null")
	line("mariadbd --no-defaults --user=root --datadir=/db --socket=/run/mysqld/mysqld.sock --bind-address=127.0.0.1 --character-set-server=utf8mb4 >/db.log 2>&1 &")
	line("until_ok mariadb -uroot -e 'SELECT 1'")
	line(`mariadb -uroot -e "CREATE DATABASE %s; CREATE USER root@'%%' IDENTIFIED BY '$(cat %s)'; GRANT ALL ON *.* TO root@'%%' WITH GRANT OPTION; ALTER USER root@localhost IDENTIFIED BY '$(cat %[2]s)'; DELETE FROM mysql.global_priv WHERE User = ''; FLUSH PRIVILEGES"`, name, password)
	files := make(map[string]string)
	for _, v := range c.Volumes {
		if path.Dir(v.Target) == "/docker-entrypoint-initdb.d" {
			files[path.Base(v.Target)] = v.Source
		}
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(file) == ".sql" {
			line("MYSQL_PWD=$(cat %s) mariadb -uroot %s < %s", password, name, files[file])
		} else {
			line("%s", files[file])
		}
	}
}

// commandLine is a service's command with what its image puts before it, and
// with its files at their places.
func commandLine(t *testing.T, c types.ServiceConfig) string {
	t.Helper()
	var before string
	for _, v := range c.Volumes {
		if v.Type == types.VolumeTypeBind {
			before += "cp " + v.Source + " " + v.Target + "; "
		}
	}
	command := slices.Clone(c.Command)
	if c.Build != nil {
		switch c.Build.Target {
		case "pushd":
			command = slices.Insert(command, 0, "/pushd")
		case "simulator":
			command = slices.Insert(command, 0, "/wechatsim")
		}
	}
	return before + inContainer(c, command)
}

// inContainer is a command with a service's environment and no other.
func inContainer(c types.ServiceConfig, command []string) string {
	words := []string{"env", "-i", "-C", "/srv/pushd-php", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if c.Build != nil && c.Build.Target == "pushd" {
		words = append(words, "PUSHD_STATE_DIR=/var/lib/pushd")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		if value := c.Environment[name]; value != nil {
			words = append(words, quote(name+"="+*value))
		}
	}
	for _, word := range command {
		words = append(words, quote(word))
	}
	return strings.Join(words, " ")
}

func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
