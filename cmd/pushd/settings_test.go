package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/alarm"
	"pushd/internal/fanout"
	"pushd/internal/settings"
)

const (
	goodDSN      = "push:hunter2hunter2@tcp(db.example.com:3306)/platform"
	goodKey      = "0123456789abcdef"
	goodTokenURL = "https://php.example.com/token.php?site=s3cr3t"
)

// good is the least that pushd serve needs.
func good() []string {
	return []string{"PUSHD_MYSQL_DSN=" + goodDSN, "PUSHD_TOKEN_URL=" + goodTokenURL}
}

// load parses and validates as pushd serve does, and does not serve.
func load(args, environ []string) (settings.Settings, *app, error) {
	var c commands
	a := &app{problems: &settings.Problems{}, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	a.env = settings.NewEnvironment(environ, a.problems)
	parser, err := newParser(a, &c, func(int) {})
	if err != nil {
		return settings.Settings{}, a, err
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		return settings.Settings{}, a, err
	}
	return c.Serve.Settings, a, a.settled(c.Serve.Settings.Validate)
}

func TestSettings_Defaults(t *testing.T) {
	s, _, err := load(nil, good())
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Settings{
		Logging: settings.Logging{LogLevel: "info", LogFormat: "text"}, Database: settings.Database{MySQLDSN: goodDSN},
		Listening: settings.Listening{Listen: "127.0.0.1:8080"}, Console: "on", TokenURL: goodTokenURL, TokenMaxAge: 7000 * time.Second, TokenConcurrency: 16,
		WeChatURL: "https://api.weixin.qq.com", Concurrency: 1024, MaxJobs: 512,
		SendTimeout: 10 * time.Second, DedupWindow: 9 * time.Minute, Ambiguous: fanout.Resend, WebhookFormat: alarm.JSON,
		Lease: 15 * time.Second, DrainTimeout: 15 * time.Second, Grace: 30 * time.Minute,
		Retention: 168 * time.Hour, JobRetention: 9600 * time.Hour, RefusalMemory: 720 * time.Hour, Timezone: "Asia/Shanghai", StatusFailed: 3,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v\nwant %+v", s, want)
	}
}

func TestSettings_Sources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(goodKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(good(), "PUSHD_RATE=5", "PUSHD_LEASE=20s", "PUSHD_API_KEY_FILE="+file, "PUSHD_ALLOW_PLAINTEXT=true",
		"PUSHD_ONLY_OPENIDS=oA-1, oB_2,", "HOME=/", "PUSHD_STATUS_UPDATE=UPDATE t SET s = ? WHERE u = 'a?b' AND a = ?;")
	s, a, err := load([]string{"--rate=7", "--listen", ":9000"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rate != 7 || s.Lease != 20*time.Second || !s.AllowPlaintext || s.Listen != ":9000" {
		t.Errorf("got %+v", s)
	}
	if k := s.Keys(); len(k) != 1 || k[0] != (pushd.Key{Name: "key1", Secret: goodKey}) {
		t.Errorf("keys %v", k)
	}
	if set := s.OnlyOpenIDs.Set(); len(set) != 2 || !set["oA-1"] || !set["oB_2"] {
		t.Errorf("only %v", set)
	}
	if len(a.env.Warnings) != 0 {
		t.Errorf("warnings %v", a.env.Warnings)
	}
}

// A secret's file that everyone can read is used, and complained about.
func TestSettings_ReadableFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(goodKey), 0o644); err != nil {
		t.Fatal(err)
	}
	_, a, err := load(nil, append(good(), "PUSHD_API_KEY_FILE="+file))
	if err != nil || len(a.env.Warnings) != 1 {
		t.Errorf("error %v, warnings %v", err, a.env.Warnings)
	}
}

// The state directory is systemd's, unless another one is set.
func TestSettings_StateDirectory(t *testing.T) {
	units, own := t.TempDir(), t.TempDir()
	for _, tc := range []struct {
		env  []string
		want string
	}{
		{nil, ""},
		{[]string{"STATE_DIRECTORY=" + units}, units},
		{[]string{"STATE_DIRECTORY=" + units + ":/var/lib/other"}, units},
		{[]string{"STATE_DIRECTORY="}, ""},
		{[]string{"STATE_DIRECTORY=" + units, "PUSHD_STATE_DIR=" + own}, own},
	} {
		s, _, err := load(nil, append(good(), tc.env...))
		if err != nil || s.StateDir != tc.want {
			t.Errorf("%v: %q, %v; want %q", tc.env, s.StateDir, err, tc.want)
		}
	}
}

// Kubernetes gives variables of this form to pods beside a service "pushd".
func TestSettings_ServiceLinks(t *testing.T) {
	links := []string{"PUSHD_SERVICE_HOST=10.0.0.1", "PUSHD_SERVICE_PORT=80", "PUSHD_PORT=tcp://10.0.0.1:80", "PUSHD_PORT_80_TCP=x"}
	if _, _, err := load(nil, append(good(), links...)); err != nil {
		t.Error(err)
	}
	if _, _, err := load(nil, append(good(), links[2])); err == nil {
		t.Error("PUSHD_PORT alone was let through")
	}
}

// A setting that is read, checked and documented may still be of no effect.
func TestSettings_AreUsed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read, err := filepath.Glob("../../internal/settings/settings.go") // what is read through a method
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, read...)
	var source strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, s := range []any{settings.Settings{}, settings.Remote{}} {
		for f := range settings.Fields(reflect.TypeOf(s)) {
			if !regexp.MustCompile(`\w\.` + f.Name + `\b`).MatchString(source.String()) {
				t.Errorf("nothing reads %s", f.Name)
			}
		}
	}
}

// Every mistake has its own clear message, and none shows a secret.
func TestSettings_Bad(t *testing.T) {
	dir := t.TempDir()
	empty, key := filepath.Join(dir, "empty"), filepath.Join(dir, "key")
	for name, text := range map[string]string{empty: "\n", key: goodKey} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []struct{ env, want string }{
		{"PUSHD_LISTEN=8080", `PUSHD_LISTEN: "8080" is not host:port, such as 127.0.0.1:8080`},
		{"PUSHD_LISTEN=127.0.0.1:http", `PUSHD_LISTEN: "127.0.0.1:http" is not host:port`},
		{"PUSHD_LISTEN=127.0.0.1:70000", `PUSHD_LISTEN: "127.0.0.1:70000" is not host:port`},
		{"PUSHD_LISTEN=", "PUSHD_LISTEN: is set but empty; give it a value or unset it"},
		{"PUSHD_LISTEN=:8080", "PUSHD_API_KEY: is required, for PUSHD_LISTEN=:8080 can be reached from other machines"},
		{"PUSHD_LISTEN=0.0.0.0:8080", "PUSHD_LISTEN: 0.0.0.0:8080 can be reached from other machines: set PUSHD_TLS_CERT"},
		{"PUSHD_LISTEN=[::]:8080", "PUSHD_LISTEN: [::]:8080 can be reached"},
		{"PUSHD_LISTEN=push.example.com:80", "PUSHD_LISTEN: push.example.com:80 can be reached"},
		{"PUSHD_API_KEY=short-secret", "PUSHD_API_KEY: key 1 has 12 characters; allowed: 16 or more"},
		{"PUSHD_API_KEY=" + goodKey + ",tiny-secret", "PUSHD_API_KEY: key 2 has 11 characters"},
		{"PUSHD_API_KEY=a secret with blanks", "PUSHD_API_KEY: key 1 holds a blank"},
		{"PUSHD_API_KEY=,", "PUSHD_API_KEY: holds no key"},
		{"PUSHD_API_KEY=", "PUSHD_API_KEY: is set but empty"},
		{"PUSHD_API_KEY_FILE=" + dir + "/none", "PUSHD_API_KEY_FILE: cannot be read: open " + dir + "/none: no such file"},
		{"PUSHD_API_KEY_FILE=" + empty, "PUSHD_API_KEY_FILE: names an empty file"},
		{"PUSHD_API_KEY_FILE=", "PUSHD_API_KEY_FILE: is set but empty; name a file"},
		{"PUSHD_MYSQL_DSN_FILE=" + key, "PUSHD_MYSQL_DSN: is set twice, also as PUSHD_MYSQL_DSN_FILE; unset one"},
		{"PUSHD_STATE_DIR=" + dir + "/none", `PUSHD_STATE_DIR: "` + dir + `/none" can't be written to: open ` + dir + "/none/"},
		{"PUSHD_STATE_DIR=" + key, `PUSHD_STATE_DIR: "` + key + `" can't be written to`},
		{"PUSHD_STATE_DIR=", "PUSHD_STATE_DIR: is set but empty"},
		{"PUSHD_HOLD=true", "PUSHD_HOLD: there is no such setting"},
		{"PUSHD_TLS_CERT=/a.pem", "PUSHD_TLS_KEY: is required with PUSHD_TLS_CERT"},
		{"PUSHD_TLS_KEY=/a.pem", "PUSHD_TLS_CERT: is required with PUSHD_TLS_KEY"},
		{"PUSHD_TLS_CERT=" + key + " PUSHD_TLS_KEY=" + key, "PUSHD_TLS_CERT: " + key + " and PUSHD_TLS_KEY " + key + " are not a pair that works"},
		{"PUSHD_ALLOW_PLAINTEXT=maybe", `PUSHD_ALLOW_PLAINTEXT: "maybe" is neither true nor false`},
		{"-PUSHD_MYSQL_DSN", "PUSHD_MYSQL_DSN: is required: user:password@tcp(host:3306)/name"},
		{"PUSHD_MYSQL_DSN=mysql://u:secret@db/x", "PUSHD_MYSQL_DSN: is a URL"},
		{"PUSHD_MYSQL_DSN=u:secret@tcp(db:3306)/", "PUSHD_MYSQL_DSN: names no database"},
		{"PUSHD_MYSQL_DSN=u:secret@tcp(db1:3306,db1:3306)/x", "PUSHD_MYSQL_DSN: names an empty host, or one twice"},
		{"PUSHD_MYSQL_DSN=u:secret/x", "PUSHD_MYSQL_DSN: is not a DSN such as"},
		{"PUSHD_MYSQL_DSN=u:secret@tcp(db", "PUSHD_MYSQL_DSN: is not a DSN such as"},
		{"-PUSHD_TOKEN_URL", "PUSHD_TOKEN_URL: is required: PHP's token endpoint"},
		{"PUSHD_TOKEN_URL=token.php", `PUSHD_TOKEN_URL: "token.php" is not a URL such as`},
		{"PUSHD_TOKEN_URL=ftp://php.example.com/", `PUSHD_TOKEN_URL: "ftp://php.example.com/" is not a URL`},
		{"PUSHD_TOKEN_URL=https://%zz", "PUSHD_TOKEN_URL: is not a URL"},
		{"PUSHD_TOKEN_URL=http://php.example.com/?k=secret", "PUSHD_TOKEN_URL: http://php.example.com/?[secret] would carry access tokens unencrypted"},
		{"PUSHD_TOKEN_URL=https://u:secret@php.example.com/", "PUSHD_TOKEN_URL: https://php.example.com/ holds a user or a password"},
		{"PUSHD_TOKEN_URL=https://php.example.com/#x", "PUSHD_TOKEN_URL: https://php.example.com/ has a part after #"},
		{"PUSHD_TOKEN_KEY=tiny-secret", "PUSHD_TOKEN_KEY: the key has 11 characters; allowed: 16 or more"},
		{"PUSHD_WECHAT_URL=http://api.weixin.qq.com", "PUSHD_WECHAT_URL: http://api.weixin.qq.com would carry access tokens unencrypted"},
		{"PUSHD_WECHAT_URL=https://api.weixin.qq.com?a=secret", "PUSHD_WECHAT_URL: https://api.weixin.qq.com?[secret] has a query"},
		{"PUSHD_CONCURRENCY=0", "PUSHD_CONCURRENCY: 0 is out of range; allowed: 1 to 65535"},
		{"PUSHD_CONCURRENCY=65536", "PUSHD_CONCURRENCY: 65536 is out of range"},
		{"PUSHD_CONCURRENCY=many", `PUSHD_CONCURRENCY: "many" is not a whole number; allowed: 1 to 65535`},
		{"PUSHD_CONCURRENCY=1e3", `PUSHD_CONCURRENCY: "1e3" is not a whole number`},
		{"PUSHD_RATE=-1", "PUSHD_RATE: -1 is out of range; allowed: 0 to 1000000"},
		{"PUSHD_TOTAL_RATE=99999999999999999999", `PUSHD_TOTAL_RATE: "99999999999999999999" is not a whole number`},
		{"PUSHD_MAX_JOBS=0", "PUSHD_MAX_JOBS: 0 is out of range; allowed: 1 to 65535"},
		{"PUSHD_TOKEN_MAX_AGE=7000", `PUSHD_TOKEN_MAX_AGE: "7000" has no unit; 7000s is that many seconds; allowed: 1s to 7200s`},
		{"PUSHD_TOKEN_CONCURRENCY=0", "PUSHD_TOKEN_CONCURRENCY: 0 is out of range"},
		{"PUSHD_TOKEN_MAX_AGE=3h", "PUSHD_TOKEN_MAX_AGE: 3h0m0s is out of range"},
		{"PUSHD_SEND_TIMEOUT=ten", `PUSHD_SEND_TIMEOUT: "ten" is not a duration such as 10s, 30m or 168h; allowed: 100ms to 60s`},
		{"PUSHD_SEND_TIMEOUT=5s PUSHD_DEDUP_WINDOW=4s PUSHD_LEASE=3s", "PUSHD_SEND_TIMEOUT: 5s is not shorter than PUSHD_DEDUP_WINDOW=4s"},
		{"PUSHD_DEDUP_WINDOW=11m", "PUSHD_DEDUP_WINDOW: 11m0s is out of range; allowed: 1s to 10m"},
		{"PUSHD_AMBIGUOUS=skip", `PUSHD_AMBIGUOUS: "skip" is not known; allowed: resend, unknown`},
		{"PUSHD_LEASE=2s", "PUSHD_LEASE: 2s is out of range; allowed: 3s to 10m"},
		{"PUSHD_LEASE=9m", "PUSHD_LEASE: 9m0s is not shorter than PUSHD_DEDUP_WINDOW=9m0s"},
		{"PUSHD_INSTANCE=" + strings.Repeat("x", 65), `PUSHD_INSTANCE: "xxxx`},
		{"PUSHD_DRAIN_TIMEOUT=1s", "PUSHD_DRAIN_TIMEOUT: 1s is out of range; allowed: 3s to 10m"},
		{"PUSHD_GRACE=-30m", "PUSHD_GRACE: -30m0s is out of range; allowed: 1s to 168h"},
		{"PUSHD_RETENTION=7d", `PUSHD_RETENTION: "7d" is not a duration`},
		{"PUSHD_TIMEZONE=Asia/Shangai", `PUSHD_TIMEZONE: "Asia/Shangai" is not a time zone such as Asia/Shanghai`},
		{"PUSHD_TIMEZONE=Local", `PUSHD_TIMEZONE: "Local" is not a time zone`},
		{"PUSHD_STATUS_FAILED=2", "PUSHD_STATUS_FAILED: 2 is out of range; allowed: 3 to 127"},
		{"PUSHD_STATUS_FAILED=128", "PUSHD_STATUS_FAILED: 128 is out of range"},
		{"PUSHD_CHANNEL_QUERY=DELETE_FROM_x", "PUSHD_CHANNEL_QUERY: does not start with SELECT"},
		{"PUSHD_CHANNEL_QUERY=SELECT_1", "PUSHD_CHANNEL_QUERY: has 0 question marks outside quotes and comments; allowed: 1"},
		{"PUSHD_WEBHOOK_URL=robot", "PUSHD_WEBHOOK_URL: is not a URL such as https://example.com/path"},
		{"PUSHD_WEBHOOK_URL=http://example.com/x", "PUSHD_WEBHOOK_URL: would carry alarms unencrypted"},
		{"PUSHD_WEBHOOK_URL=https://u:p@example.com/x", "PUSHD_WEBHOOK_URL: holds a user or a password"},
		{"PUSHD_WEBHOOK_SECRET=abc", "PUSHD_WEBHOOK_URL: is required with PUSHD_WEBHOOK_SECRET"},
		{"PUSHD_CALLBACK_SECRET=0123456789abcdef0123456789abcde", "PUSHD_CALLBACK_SECRET: has less than 32 characters"},
		{"PUSHD_WEBHOOK_FORMAT=slack", `PUSHD_WEBHOOK_FORMAT: "slack" is not known; allowed: json, wecom, dingtalk, feishu`},
		{"PUSHD_WEBHOOK_URL=https://example.com/x PUSHD_WEBHOOK_FORMAT=wecom PUSHD_WEBHOOK_SECRET=abc", "PUSHD_WEBHOOK_SECRET: is of no use"},
		{"PUSHD_DUE_QUERY=SELECT_COUNT(*)_FROM_t", "PUSHD_DUE_QUERY: has 0 question marks outside quotes and comments; allowed: 1"},
		{"PUSHD_DUE_LIST=SELECT_a_FROM_t_WHERE_b_>_?", "PUSHD_DUE_LIST: has 1 question marks outside quotes and comments; allowed: 2"},
		{"PUSHD_DUE_QUERY=DELETE_FROM_t_WHERE_a=?", "PUSHD_DUE_QUERY: does not start with SELECT"},
		{"PUSHD_STATUS_UPDATE=UPDATE_t;DROP_t", "PUSHD_STATUS_UPDATE: holds more than one statement"},
		{"PUSHD_STATUS_UPDATE=UPDATE_t_SET_s='?'_WHERE_a=?", "PUSHD_STATUS_UPDATE: has 1 question marks outside quotes and comments; allowed: 2"},
		{"PUSHD_ONLY_OPENIDS=", "PUSHD_ONLY_OPENIDS: is set but empty"},
		{"PUSHD_ONLY_OPENIDS=,,", `PUSHD_ONLY_OPENIDS: ",," names no openid; unset it to send to all`},
		{"PUSHD_ONLY_OPENIDS=oA;oB", `PUSHD_ONLY_OPENIDS: "oA;oB" is not a comma-separated list of openids`},
		{"PUSHD_LOG_LEVEL=verbose", `PUSHD_LOG_LEVEL: "verbose" is not known; allowed: debug, info, warn, error`},
		{"PUSHD_LOG_FORMAT=xml", `PUSHD_LOG_FORMAT: "xml" is not known; allowed: text, json`},
		{"PUSHD_CONCURENCY=5", "PUSHD_CONCURENCY: there is no such setting; did you mean PUSHD_CONCURRENCY?"},
		{"PUSHD_MYSQL_DNS=secret", "PUSHD_MYSQL_DNS: there is no such setting; did you mean PUSHD_MYSQL_DSN?"},
		{"PUSHD_API_KEYFILE=secret", "PUSHD_API_KEYFILE: there is no such setting; did you mean PUSHD_API_KEY_FILE?"},
		{"PUSHD_WHATEVER_ELSE=1", "PUSHD_WHATEVER_ELSE: there is no such setting"},
		{"PUSHD_RATE_FILE=/x", "PUSHD_RATE_FILE: does not exist, for it is no secret; set PUSHD_RATE itself"},
	} {
		t.Run(bad.env, func(t *testing.T) {
			_, _, err := load(nil, changed(good(), bad.env))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), "\n  "+bad.want) {
				t.Errorf("got  %v\nwant %s", err, bad.want)
			}
			if secret := strings.ReplaceAll(err.Error(), "[secret]", ""); strings.Contains(strings.ReplaceAll(secret, "no secret", ""), "secret") || strings.Contains(secret, "hunter2") {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

// changed sets the variables of change, separated by blanks ("_" stands for a
// blank in SQL), or unsets one that has a dash before it.
func changed(environ []string, change string) []string {
	if name, unset := strings.CutPrefix(change, "-"); unset {
		var kept []string
		for _, e := range environ {
			if !strings.HasPrefix(e, name+"=") {
				kept = append(kept, e)
			}
		}
		return kept
	}
	for part := range strings.SplitSeq(change, " PUSHD_") {
		name, value, _ := strings.Cut(strings.TrimPrefix(part, "PUSHD_"), "=")
		if strings.HasSuffix(name, "QUERY") || name == "DUE_LIST" || strings.HasSuffix(name, "UPDATE") {
			value = strings.ReplaceAll(value, "_", " ")
		}
		environ = append(environ, "PUSHD_"+name+"="+value)
	}
	return environ
}

// All that is wrong is reported by one start, each setting once.
func TestSettings_AllProblemsAtOnce(t *testing.T) {
	_, _, err := load([]string{"--rate=x"}, []string{"PUSHD_LEASE=1", "PUSHD_LISTEN=:1", "PUSHD_API_KEY_FILE=", "PUSHD_X=1", "PUSHD_MAX_JOBS=0"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"RATE", "LEASE", "LISTEN", "API_KEY_FILE", "X", "MAX_JOBS", "MYSQL_DSN", "TOKEN_URL"} {
		if n := strings.Count(err.Error(), "\n  PUSHD_"+name+": "); n != 1 {
			t.Errorf("%s is named %d times in: %v", name, n, err)
		}
	}
}

// However a Settings is printed, its secrets are not.
func TestSettings_LeakNothing(t *testing.T) {
	s, _, err := load(nil, append(good(), "PUSHD_API_KEY="+goodKey, "PUSHD_TOKEN_KEY="+goodKey))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, l := range []settings.Logging{{LogFormat: "text"}, {LogFormat: "json"}} {
		newLogger(&b, l).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("all", s), slog.Any("dsn", s.MySQLDSN), slog.Any("url", s.TokenURL))
	}
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x", s, s, s, s.MySQLDSN, s.APIKey, s.TokenKey)
	if err := json.NewEncoder(&b).Encode(s); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", goodKey, "s3cr3t"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q is shown in %s", secret, b.String())
		}
	}
	if !strings.Contains(b.String(), "[secret]") {
		t.Error("nothing was printed")
	}
}

func TestDefaultInstance(t *testing.T) {
	if got := settings.DefaultInstance("web1", ":8080"); got != "web1/:8080" {
		t.Errorf("got %q", got)
	}
	long := strings.Repeat("h", 200)
	a, b := settings.DefaultInstance(long, ":1"), settings.DefaultInstance(long, ":2")
	if len(a) != settings.InstanceMax || a == b {
		t.Errorf("got %q and %q", a, b)
	}
}

// What a support bundle shows of the settings has every one of them, and no
// secret.
func TestSettings_Shown(t *testing.T) {
	s, _, err := load(nil, append(good(), "PUSHD_API_KEY="+goodKey, "PUSHD_TOKEN_KEY="+goodKey, "PUSHD_ONLY_OPENIDS=oA-1,oB_2"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(s.Shown(), "\n")
	for _, want := range []string{"PUSHD_SEND_TIMEOUT=10s", "PUSHD_API_KEY=[secret]", "PUSHD_MYSQL_DSN=[secret]", "PUSHD_ONLY_OPENIDS=[2 openids]"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not shown:\n%s", want, text)
		}
	}
	for _, secret := range []string{goodKey, goodDSN, "oA-1", "s3cr3t"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
}
