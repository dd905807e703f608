// Package packages tests what .ci/package builds: it installs the packages for
// real, in a root that is this machine's with a layer above it for whatever is
// written (overlayfs, in a mount namespace of its own). Nothing of it is left.
package packages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const repository = "../.."

// builds is where the packages of a version lie once a test has asked for them.
var builds string

func TestMain(m *testing.M) {
	var err error
	if builds, err = os.MkdirTemp("", "pushd-packages-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(builds)
	os.Exit(code)
}

// build makes the packages of a version, and returns their directory.
func build(t *testing.T, version string) string {
	t.Helper()
	dir := filepath.Join(builds, version)
	if _, err := os.Stat(dir); err != nil {
		buildIn(t, version, dir)
	}
	return dir
}

func buildIn(t *testing.T, version, dir string) {
	t.Helper()
	cmd := exec.Command(repository+"/.ci/package", dir)
	cmd.Env = append(os.Environ(), "VERSION="+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", version, err, out)
	}
}

// one is the only file of a kind in a directory.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: %q, %v", pattern, dir, found, err)
	}
	return found[0]
}

// need fails a test where a program is missing.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is not installed: .ci/deps package", name)
		}
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, &errs)
	}
	return string(out)
}

// root is a machine to install on: this one, under a layer that is thrown away.
type root struct{ dir string }

func newRoot(t *testing.T) root {
	t.Helper()
	need(t, "unshare", "chroot")
	r := root{t.TempDir()}
	for _, name := range []string{"upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(r.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := r.command("true").CombinedOutput(); err != nil {
		t.Skipf("no throw-away root can be mounted here (as root, with overlayfs): %v %s", err, out)
	}
	// Whatever this machine has of pushd is not to be met.
	r.run(t, `dpkg -P pushd >/dev/null 2>&1 || true; rm -rf /etc/pushd /var/lib/pushd /etc/systemd/system/pushd.service`)
	return r
}

// command is a shell script that runs in the root.
func (r root) command(script string) *exec.Cmd {
	const enter = `cd "$0" && mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" merged &&
mount --bind /dev merged/dev && mount -t proc proc merged/proc && exec chroot merged /bin/sh -ec "$1"`
	cmd := exec.Command("unshare", "--mount", "sh", "-c", enter, r.dir, script)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	return cmd
}

func (r root) run(t *testing.T, script string) string {
	t.Helper()
	out, err := r.command(script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

// want runs a script and compares what it says.
func (r root) want(t *testing.T, script, want string) {
	t.Helper()
	if got := r.run(t, script); strings.TrimSpace(got) != want {
		t.Errorf("%s\nsaid %q\nwant %q", script, got, want)
	}
}

// dpkg without what a root that is thrown away has no use for: waiting for the
// disk, and the other packages' triggers.
const dpkg = "dpkg --force-unsafe-io --no-triggers "

const modes = `stat -c '%A %U:%G %n' /usr/bin/pushd /etc/pushd /etc/pushd/pushd.env /usr/lib/systemd/system/pushd.service \
/usr/share/pushd/schema.sql /usr/share/pushd/monitoring/alerts.yml /usr/share/pushd/php/cron.php /usr/share/pushd/php/host/index.php \
/usr/share/pushd/php/src/Config.php /usr/share/pushd/php/composer.json /usr/share/pushd/php/migrations/001_tables.sql \
/usr/share/man/man1/pushd.1.gz /usr/share/doc/pushd/docs/operations.md`

const wantModes = `-rwxr-xr-x root:root /usr/bin/pushd
drwxr-x--- root:root /etc/pushd
-rw-r----- root:root /etc/pushd/pushd.env
-rw-r--r-- root:root /usr/lib/systemd/system/pushd.service
-rw-r--r-- root:root /usr/share/pushd/schema.sql
-rw-r--r-- root:root /usr/share/pushd/monitoring/alerts.yml
-rw-r--r-- root:root /usr/share/pushd/php/cron.php
-rw-r--r-- root:root /usr/share/pushd/php/host/index.php
-rw-r--r-- root:root /usr/share/pushd/php/src/Config.php
-rw-r--r-- root:root /usr/share/pushd/php/composer.json
-rw-r--r-- root:root /usr/share/pushd/php/migrations/001_tables.sql
-rw-r--r-- root:root /usr/share/man/man1/pushd.1.gz
-rw-r--r-- root:root /usr/share/doc/pushd/docs/operations.md`

// administer is what an administrator has done since the installation.
const administer = `echo PUSHD_LOG_LEVEL=debug >> /etc/pushd/pushd.env
install -m 0600 /dev/null /etc/pushd/mysql-dsn && echo 'pushd:secret@tcp(db:3306)/live' > /etc/pushd/mysql-dsn
mkdir -p -m 0700 /var/lib/pushd && echo 7 > /var/lib/pushd/ledger
sha256sum /etc/pushd/pushd.env /etc/pushd/mysql-dsn /var/lib/pushd/ledger > /before`

func TestDeb(t *testing.T) {
	need(t, "dpkg", "systemd-analyze")
	r := newRoot(t)
	deb, next := one(t, build(t, "v0.9.0"), "*.deb"), one(t, build(t, "v0.9.1"), "*.deb")

	said := r.run(t, dpkg+"-i "+deb)
	if !strings.Contains(said, "operations.md") || strings.Contains(strings.ToLower(said), "warning") {
		t.Errorf("dpkg -i said %s", said)
	}
	r.want(t, modes, wantModes)
	r.want(t, "/usr/bin/pushd --version | cut -d, -f1", "pushd v0.9.0")
	r.want(t, "stat -c %a / /usr /usr/bin | sort -u", "755") // a package must not change those
	r.want(t, "systemd-analyze verify /usr/lib/systemd/system/pushd.service", "")
	r.want(t, "test -e /etc/systemd/system/pushd.service || echo none", "none")
	r.want(t, "getent passwd pushd || echo nobody", "nobody")
	r.want(t, "bash -c '. /etc/bash_completion.d/pushd && complete -p /usr/bin/pushd'", "complete -F _pushd_program /usr/bin/pushd")
	r.want(t, "head -qn 2 /usr/share/zsh/vendor-completions/_pushd /usr/share/fish/vendor_completions.d/pushd.fish | grep -c 'made by \"pushd completion'", "2")

	// An upgrade leaves what is in /etc alone, also where it brings another example.
	r.run(t, administer)
	said = r.run(t, dpkg+"-i "+next)
	r.want(t, "sha256sum --quiet -c /before", "")
	r.want(t, "/usr/bin/pushd --version | cut -d, -f1", "pushd v0.9.1")
	r.run(t, dpkg+"--force-confold -i "+otherExample(t, next))
	r.want(t, "sha256sum --quiet -c /before", "")
	r.want(t, "grep -c ANOTHER /etc/pushd/pushd.env.dpkg-dist", "1")
	// Downgraded, it is as it was.
	r.run(t, dpkg+"--force-confold -i "+deb)
	r.want(t, "sha256sum --quiet -c /before", "")
	r.want(t, "/usr/bin/pushd --version | cut -d, -f1", "pushd v0.9.0")

	r.run(t, dpkg+"-r pushd")
	r.want(t, "sha256sum --quiet -c /before; ls /usr/bin/pushd /usr/share/pushd 2>&1 | grep -c 'No such'", "2")
	said = r.run(t, dpkg+"-P pushd")
	if !strings.Contains(said, "/etc/pushd is left") {
		t.Errorf("dpkg -P said %s", said)
	}
	r.want(t, "ls /etc/pushd; cat /var/lib/pushd/ledger", "mysql-dsn\n7")
}

// otherExample is a package whose example of the settings is another one.
func otherExample(t *testing.T, deb string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	output(t, "dpkg-deb", "-R", deb, dir)
	for name, edit := range map[string]func(string) string{
		"etc/pushd/pushd.env": func(s string) string { return s + "#ANOTHER=1\n" },
		"DEBIAN/control":      func(s string) string { return strings.Replace(s, "0.9.1", "0.9.2", 1) },
	} {
		name = filepath.Join(dir, name)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(edit(string(text))), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "dpkg-deb", "-b", dir, dir+".deb")
	return dir + ".deb"
}

// pretend makes systemctl in the root say that systemd is older.
const pretend = `printf '#!/bin/sh\necho "systemd 239 (239-82.el8)"\n' > /usr/local/sbin/systemctl; chmod 0755 /usr/local/sbin/systemctl`

// On a systemd that can't hand secrets over, the other unit is installed; a unit
// of the administrator's is not touched.
func TestDeb_OlderSystemd(t *testing.T) {
	need(t, "dpkg", "systemd-analyze")
	deb := one(t, build(t, "v0.9.0"), "*.deb")
	r := newRoot(t)
	r.run(t, pretend+"; "+dpkg+"-i "+deb)
	const unit = "head -n 1 /etc/systemd/system/pushd.service 2>/dev/null | cut -c1-30; test -e /etc/systemd/system/pushd.service || echo none"
	r.want(t, unit, "# Written by the package pushd")
	r.want(t, "stat -c '%a %G' /etc/pushd; getent passwd pushd | cut -d: -f7", "750 pushd\n/usr/sbin/nologin")
	r.want(t, "systemd-analyze verify /etc/systemd/system/pushd.service", "")
	r.run(t, dpkg+"-i "+deb)
	r.want(t, unit, "# Written by the package pushd")
	// The system is upgraded, then pushd.
	r.run(t, "rm /usr/local/sbin/systemctl; "+dpkg+"-i "+deb)
	r.want(t, unit, "none")
	r.run(t, pretend+"; "+dpkg+"-i "+deb)
	r.run(t, dpkg+"-P pushd")
	r.want(t, unit, "none")

	own := newRoot(t)
	own.run(t, pretend+"; echo '# mine' > /etc/systemd/system/pushd.service; "+dpkg+"-i "+deb+"; "+dpkg+"-P pushd")
	own.want(t, "cat /etc/systemd/system/pushd.service", "# mine")
}

// The .rpm holds what the .deb holds, and does the same.
func TestRPM(t *testing.T) {
	need(t, "rpm", "dpkg-deb")
	r := newRoot(t)
	dir, next := build(t, "v0.9.0"), one(t, build(t, "v0.9.1"), "*.rpm")
	rpm := one(t, dir, "*.rpm")

	held := strings.Fields(output(t, "rpm", "-qlp", rpm))
	var want []string
	for line := range strings.Lines(output(t, "dpkg-deb", "-c", one(t, dir, "*.deb"))) {
		name := strings.TrimSuffix(strings.TrimPrefix(strings.Fields(line)[5], "."), "/")
		if strings.Contains(name, "pushd") { // other directories are the system's
			// Where zsh looks is the one thing in which the systems differ.
			want = append(want, strings.Replace(name, "/zsh/vendor-completions/", "/zsh/site-functions/", 1))
		}
	}
	slices.Sort(held)
	slices.Sort(want)
	if !slices.Equal(held, want) {
		t.Errorf("the .rpm holds\n%q\nthe .deb\n%q", held, want)
	}
	if got := output(t, "rpm", "-qcp", rpm); got != "/etc/bash_completion.d/pushd\n/etc/pushd/pushd.env\n" {
		t.Errorf("the configuration files are %q", got)
	}

	const on = "rpm --dbpath /rpmdb --nodeps " // ca-certificates is dpkg's here
	r.run(t, on+"-i "+rpm)
	r.want(t, modes, wantModes)
	r.want(t, "/usr/bin/pushd --version | cut -d, -f1", "pushd v0.9.0")
	r.run(t, administer)
	r.run(t, on+"-U "+next)
	r.want(t, "/usr/bin/pushd --version | cut -d, -f1; sha256sum --quiet -c /before", "pushd v0.9.1")
	r.run(t, on+"-U --oldpackage "+rpm)
	r.want(t, "/usr/bin/pushd --version | cut -d, -f1; sha256sum --quiet -c /before", "pushd v0.9.0")
	r.run(t, on+"-e pushd")
	r.want(t, "ls /etc/pushd; cat /var/lib/pushd/ledger; ls /usr/bin/pushd 2>&1 | grep -c 'No such'", "mysql-dsn\npushd.env.rpmsave\n7\n1")
}

// The same commit gives the same bytes, and SHA256SUMS says which.
func TestReproducible(t *testing.T) {
	first, second := build(t, "v0.9.0"), t.TempDir()
	buildIn(t, "v0.9.0", second)
	sums, err := os.ReadFile(filepath.Join(first, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(sums))
	if len(listed) != 6 {
		t.Fatalf("SHA256SUMS lists %q", listed)
	}
	for i := 0; i < len(listed); i += 2 {
		for _, dir := range []string{first, second} {
			b, err := os.ReadFile(filepath.Join(dir, listed[i+1]))
			if sum := sha256.Sum256(b); err != nil || hex.EncodeToString(sum[:]) != listed[i] {
				t.Errorf("%s in %s: %x, %v; listed is %s", listed[i+1], dir, sum, err, listed[i])
			}
		}
	}
}

// The bill of materials names every module that is linked.
func TestSBOM(t *testing.T) {
	need(t, "dpkg-deb")
	dir := build(t, "v0.9.0")
	tree := t.TempDir()
	output(t, "dpkg-deb", "-x", one(t, dir, "*.deb"), tree)
	var bom struct {
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version string }
	}
	b, err := os.ReadFile(one(t, dir, "*.cdx.json"))
	if err == nil {
		err = json.Unmarshal(b, &bom)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c := bom.Metadata.Component; c.Name != "pushd" || c.Version != "v0.9.0" {
		t.Errorf("it is about %+v", c)
	}
	listed := make(map[string]string)
	for _, c := range bom.Components {
		listed[c.Name] = c.Version
	}
	linked := regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`).FindAllStringSubmatch(output(t, "go", "version", "-m", filepath.Join(tree, "usr/bin/pushd")), -1)
	if len(linked) < 10 {
		t.Fatalf("found %d modules in the binary", len(linked))
	}
	for _, m := range linked {
		if listed[m[1]] != m[2] {
			t.Errorf("%s %s is linked, listed is %q", m[1], m[2], listed[m[1]])
		}
	}
}

// What the documents link to is in the package, too.
func TestDocuments_LinksLeadSomewhere(t *testing.T) {
	need(t, "dpkg-deb")
	tree := t.TempDir()
	output(t, "dpkg-deb", "-x", one(t, build(t, "v0.9.0"), "*.deb"), tree)
	link := regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)
	links := 0
	check := func(name string) {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			t.Fatal(err)
		}
		// /usr/share/pushd is read as the deploy of the documents.
		if rest, found := strings.CutPrefix(name, "usr/share/pushd/"); found {
			name = "usr/share/doc/pushd/deploy/" + rest
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			to := path.Join(path.Dir(name), m[1])
			to = strings.Replace(to, "usr/share/doc/pushd/deploy", "usr/share/pushd", 1)
			if _, err := os.Stat(filepath.Join(tree, to)); err != nil {
				t.Errorf("%s links to %s", name, m[1])
			}
		}
	}
	err := fs.WalkDir(os.DirFS(tree), "usr/share", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" {
			check(name)
		}
		return err
	})
	if err != nil || links < 50 {
		t.Errorf("%d links, %v", links, err)
	}
}

// Versions sort as they were made.
func TestVersions_Sort(t *testing.T) {
	need(t, "dpkg")
	last := "0"
	for _, git := range []string{"0123abc", "v0.9.0-rc.1", "v0.9.0-rc.1-2-g0123abc", "v0.9.0", "v0.9.0-3-g0123abc", "v0.9.0-12-g0123abc-dirty", "v0.10.0"} {
		cmd := exec.Command(repository+"/.ci/package", "--print-version")
		cmd.Env = append(os.Environ(), "VERSION="+git)
		out, err := cmd.CombinedOutput()
		version := strings.TrimSpace(string(out))
		if err != nil || !regexp.MustCompile(`^[0-9][0-9A-Za-z.+~]*$`).MatchString(version) {
			t.Fatalf("%s: %q, %v", git, version, err)
		}
		if err := exec.Command("dpkg", "--compare-versions", last, "lt", version).Run(); err != nil {
			t.Errorf("%s (%s) does not sort behind %s", git, version, last)
		}
		last = version
	}
}

// boot makes systemd the first process of the root, with a network of its own,
// and lets it run a script. It sees no device of this machine's and can't set
// what the kernel shares.
const boot = `mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/merged" && cd "$0/merged" &&
mount -t tmpfs dev dev && for name in null zero full random urandom tty; do touch dev/$name && mount --bind /dev/$name dev/$name; done &&
mkdir dev/pts dev/shm dev/mqueue && mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && ln -s pts/ptmx dev/ptmx && mount -t tmpfs tmpfs dev/shm &&
mount -t proc proc proc && mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys && mount -t sysfs -o ro sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup && mount -t tmpfs tmpfs run &&
mkdir -p old && mount --make-rprivate / && pivot_root . old && umount -l old && mount --make-rshared / && ip link set lo up &&
printf '[Unit]\nDefaultDependencies=no\nWants=pushd-test.service\n' > /etc/systemd/system/pushd-test.target &&
printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -ec ". /script"\nStandardOutput=file:/said\nStandardError=file:/said\nExecStopPost=systemctl --no-block poweroff --force --force\n' > /etc/systemd/system/pushd-test.service &&
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=pushd-test.target`

// A real systemd starts what the package brings, hands the secrets over, and
// goes on with the old version over an upgrade until it is restarted. No
// database answers: pushd runs and says that it is down.
func TestDeb_UnderSystemd(t *testing.T) {
	need(t, "dpkg", "systemctl", "ip", "pivot_root")
	deb, next := one(t, build(t, "v0.9.0"), "*.deb"), one(t, build(t, "v0.9.1"), "*.deb")
	r := newRoot(t)
	r.run(t, "cp "+deb+" /first.deb; cp "+next+" /next.deb; cat > /script <<'END'\n"+lifeUnderSystemd+"\nEND")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child", "sh", "-c", boot, r.dir)
	cmd.WaitDelay = 5 * time.Second
	out, _ := cmd.CombinedOutput() // a systemd that powers off is killed
	said, err := os.ReadFile(filepath.Join(r.dir, "upper", "said"))
	if err != nil {
		t.Skipf("systemd can't be started here: %v\n%s", err, out)
	}
	for _, want := range []string{
		"installed: inactive\n", "started: active v0.9.0 down\n", "secrets: 3 of its own\n",
		"reloaded: the same process, secrets read again: nothing has changed\n", "why: copies that systemd made at the start\n",
		"goroutines: written\n", "hung: active again, another process\n",
		"the old version goes on", "upgraded: the same process v0.9.0\n", "restarted: another process v0.9.1\n",
		"older: active pushd down\n", "older, reloaded: secrets read again; changed: keys\n", "older, off and on: active pushd down\n", "removed: inactive, exit code 0\n",
	} {
		if !strings.Contains(string(said), want) {
			t.Errorf("does not say %q", want)
		}
	}
	if t.Failed() {
		t.Logf("said\n%s%s", said, out)
	}
}

// lifeUnderSystemd is what an administrator does, from the installation to the
// end.
const lifeUnderSystemd = `
dpkg="dpkg --force-unsafe-io --no-triggers"
state() { systemctl show pushd -p "$1" --value; }
health() { n=0; until h=$(/usr/bin/pushd healthcheck 2>/dev/null) || [ "$h" = down ] || [ $n = 100 ]; do n=$((n+1)); sleep 0.2; done; echo "$h"; }
running() { "/proc/$(state MainPID)/exe" --version | sed 's/pushd \([^,]*\),.*/\1/'; }
trap 'systemctl status pushd --no-pager; journalctl -u pushd --no-pager | tail -n 20' EXIT
$dpkg -i /first.deb
echo "installed: $(state ActiveState)"
sed -i 's|^PUSHD_TOKEN_URL=.*|PUSHD_TOKEN_URL=http://127.0.0.1:9/token.php|' /etc/pushd/pushd.env
printf 'pushd:secret@tcp(127.0.0.1:9)/live' > /etc/pushd/mysql-dsn
for name in api-key token-key; do printf 0123456789abcdef > /etc/pushd/$name; done
chmod 0600 /etc/pushd/*-*
systemctl enable --now pushd
h=$(health); echo "started: $(state ActiveState) $(running) $h"
echo "secrets: $(find /run/credentials/pushd.service -type f -perm 0400 | wc -l) of its own"
pid=$(state MainPID)
systemctl reload pushd
await() { n=0; until eval "$1" || [ $n = 100 ]; do n=$((n+1)); sleep 0.2; done; }
await '[ -n "$(state StatusText)" ]'
[ "$pid" = "$(state MainPID)" ] && echo "reloaded: the same process, $(state StatusText)"
echo "why: $(journalctl -u pushd -o cat | grep -o 'copies that systemd made at the start' | tail -n 1)"
systemctl kill -s USR1 pushd
await '[ -s /var/lib/pushd/goroutines.txt ]' && grep -q 'goroutine 1 ' /var/lib/pushd/goroutines.txt && echo "goroutines: written"
# A process that hangs is ended and started again.
mkdir -p /run/systemd/system/pushd.service.d
printf '[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\n' > /run/systemd/system/pushd.service.d/soon.conf
systemctl daemon-reload; systemctl restart pushd
pid=$(state MainPID); kill -STOP "$pid"
await '[ "$(state MainPID)" != "$pid" ] && [ "$(state ActiveState)" = active ]' && echo "hung: $(state ActiveState) again, another process"
rm /run/systemd/system/pushd.service.d/soon.conf; systemctl daemon-reload; systemctl restart pushd
pid=$(state MainPID)
$dpkg -i /next.deb
[ "$pid" = "$(state MainPID)" ] && echo "upgraded: the same process $(running)"
systemctl restart pushd
h=$(health); [ "$pid" != "$(state MainPID)" ] && echo "restarted: another process $(running)"
# The unit for older systems runs on this one, too.
systemctl disable --now pushd
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin pushd
chgrp pushd /etc/pushd /etc/pushd/*-*; chmod 0640 /etc/pushd/*-*
cp /usr/share/pushd/pushd-before-systemd-250.service /etc/systemd/system/pushd.service
systemctl daemon-reload; systemctl enable --now pushd
h=$(health); echo "older: $(state ActiveState) $(state User) $h"
printf fedcba9876543210 > /etc/pushd/api-key; systemctl reload pushd
await '[ -n "$(state StatusText)" ]'; echo "older, reloaded: $(state StatusText)"
systemctl disable --now pushd; systemctl enable --now pushd
h=$(health); echo "older, off and on: $(state ActiveState) $(state User) $h"
$dpkg -r pushd
echo "removed: $(state ActiveState), exit code $(state ExecMainStatus)"
`
