package main

import (
	"crypto/tls"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // PUSHD_TIMEZONE must work where no zone data is installed

	"github.com/go-sql-driver/mysql"

	"pushd/internal/daemon"
)

// keyMin is the least length of an API key: 16 characters hold at least 64
// bits if they were drawn at random.
const keyMin = 16

// validate notes everything that pushd serve could not work with.
func (s Settings) validate(p *problems) {
	limits(reflect.ValueOf(s), p)
	s.Database.validate(p)
	s.validateListen(p)
	s.validateKeys(p)
	s.validateURLs(p)
	s.validateTimes(p)
	s.validateTexts(p)
	s.validateState(p)
}

// validate notes what is wrong with the DSN of the daemon.
func (d Database) validate(p *problems) {
	if d.MySQLDSN == "" {
		p.add("PUSHD_MYSQL_DSN", "is required: user:password@tcp(host:3306)/name")
		return
	}
	validateDSN("PUSHD_MYSQL_DSN", d.MySQLDSN, p)
}

// validate notes what is wrong with the DSN that makes the tables.
func (d MigrateDatabase) validate(p *problems) {
	if d.MigrateDSN == "" {
		d.Database.validate(p)
		return
	}
	p.mute("PUSHD_MYSQL_DSN")
	validateDSN("PUSHD_MIGRATE_DSN", d.MigrateDSN, p)
}

// DSN is the one that pushd migrate uses.
func (d MigrateDatabase) DSN() Secret {
	if d.MigrateDSN != "" {
		return d.MigrateDSN
	}
	return d.MySQLDSN
}

// validate notes what is wrong with the logging.
func (l Logging) validate(p *problems) { limits(reflect.ValueOf(l), p) }

// limits holds each field against its tags min, max and oneof.
func limits(v reflect.Value, p *problems) {
	for f, flag := range fields(v.Type()) {
		name, field := envName(flag), v.FieldByIndex(f.Index)
		allow := allowed(f.Tag.Get)
		if list := f.Tag.Get("oneof"); list != "" && !contains(strings.Split(list, ","), field.String()) {
			p.add(name, "%q is not known%s", field.String(), allow)
		}
		low, high := f.Tag.Get("min"), f.Tag.Get("max")
		if low == "" {
			continue
		}
		if n := field.Int(); n < number(low) || n > number(high) {
			p.add(name, "%v is out of range%s", field.Interface(), allow)
		}
	}
}

// number reads the text of a min or max tag: a count, or a duration.
func number(text string) int64 {
	if d, err := time.ParseDuration(text); err == nil {
		return int64(d)
	}
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func contains(list []string, text string) bool {
	for _, l := range list {
		if l == text {
			return true
		}
	}
	return false
}

// validateListen keeps an API that anybody could use, or overhear, from being
// opened beyond this machine.
func (s Settings) validateListen(p *problems) {
	host, port, err := net.SplitHostPort(s.Listen)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n > 65535 {
		p.add("PUSHD_LISTEN", "%q is not host:port, such as 127.0.0.1:8080", s.Listen)
		return
	}
	s.validateTLS(p)
	if loopback(host) {
		return
	}
	if s.APIKey == "" {
		p.add("PUSHD_API_KEY", "is required, for PUSHD_LISTEN=%s can be reached from other machines", s.Listen)
	}
	if !s.TLS() && !s.AllowPlaintext {
		p.add("PUSHD_LISTEN", "%s can be reached from other machines: set PUSHD_TLS_CERT and PUSHD_TLS_KEY, or PUSHD_ALLOW_PLAINTEXT=true behind something that does TLS", s.Listen)
	}
}

func (s Settings) validateTLS(p *problems) {
	switch {
	case s.TLSCert == "" && s.TLSKey == "":
	case s.TLSKey == "":
		p.add("PUSHD_TLS_KEY", "is required with PUSHD_TLS_CERT")
	case s.TLSCert == "":
		p.add("PUSHD_TLS_CERT", "is required with PUSHD_TLS_KEY")
	default:
		if _, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey); err != nil {
			p.add("PUSHD_TLS_CERT", "%s and PUSHD_TLS_KEY %s are not a pair that works: %v", s.TLSCert, s.TLSKey, err)
		}
	}
}

// loopback says whether only this machine can reach the host.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (s Settings) validateKeys(p *problems) {
	keys := s.Keys()
	if s.APIKey != "" && len(keys) == 0 {
		p.add("PUSHD_API_KEY", "holds no key")
	}
	for i, key := range keys {
		validateKey("PUSHD_API_KEY", "key "+strconv.Itoa(i+1), key, p)
	}
	if s.TokenKey != "" {
		validateKey("PUSHD_TOKEN_KEY", "the key", string(s.TokenKey), p)
	}
}

// validateKey wants a key that is hard to guess and fits into a header.
func validateKey(name, which, key string, p *problems) {
	if len(key) < keyMin {
		p.add(name, "%s has %d characters; allowed: %d or more, for example from openssl rand -hex 16", which, len(key), keyMin)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.add(name, "%s holds a blank, a line break or a character beyond ASCII", which)
	}
}

// validateDSN says nothing of the driver's own words: of a DSN that is
// written wrongly they may show the password.
func validateDSN(name string, dsn Secret, p *problems) {
	config, err := mysql.ParseDSN(string(dsn))
	switch {
	case strings.Contains(string(dsn), "://"):
		p.add(name, "is a URL; allowed: user:password@tcp(host:3306)/name, without a scheme")
	case err != nil:
		p.add(name, "is not a DSN such as user:password@tcp(host:3306)/name")
	case config.DBName == "":
		p.add(name, "names no database; it ends in /name")
	}
}

func (s Settings) validateURLs(p *problems) {
	if s.TokenURL == "" {
		p.add("PUSHD_TOKEN_URL", "is required: PHP's token endpoint, such as https://example.com/token.php")
	} else {
		s.validateURL("PUSHD_TOKEN_URL", s.TokenURL, p)
	}
	if u := s.validateURL("PUSHD_WECHAT_URL", s.WeChatURL, p); u != nil && u.RawQuery != "" {
		p.add("PUSHD_WECHAT_URL", "%s has a query; pushd adds its own", s.WeChatURL)
	}
}

// validateURL wants a URL that can be called without telling a token to the
// network.
func (s Settings) validateURL(name string, a Address, p *problems) *url.URL {
	u, err := url.Parse(string(a))
	switch {
	case err != nil:
		p.add(name, "is not a URL such as https://example.com/path")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		p.add(name, "%q is not a URL such as https://example.com/path", a.String())
	case u.User != nil:
		p.add(name, "%s holds a user or a password, which pushd does not send", a)
	case u.Fragment != "":
		p.add(name, "%s has a part after #, which is never sent", a)
	case u.Scheme == "http" && !loopback(u.Hostname()) && !s.AllowPlaintext:
		p.add(name, "%s would carry access tokens unencrypted; use https, or set PUSHD_ALLOW_PLAINTEXT=true", a)
	default:
		return u
	}
	return nil
}

func (s Settings) validateTimes(p *problems) {
	if s.Lease >= s.DedupWindow && !p.has("PUSHD_LEASE") {
		p.add("PUSHD_LEASE", "%v is not shorter than PUSHD_DEDUP_WINDOW=%v: after a crash people would be told twice", s.Lease, s.DedupWindow)
	}
	if s.SendTimeout >= s.DedupWindow {
		p.add("PUSHD_SEND_TIMEOUT", "%v is not shorter than PUSHD_DEDUP_WINDOW=%v", s.SendTimeout, s.DedupWindow)
	}
	if _, err := s.Location(); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		p.add("PUSHD_TIMEZONE", "%q is not a time zone such as Asia/Shanghai", s.Timezone)
	}
}

// validateState wants a directory that can be written to: a counter that is not
// kept would be missed when it is too late.
func (s Settings) validateState(p *problems) {
	if s.StateDir == "" {
		return
	}
	if _, err := daemon.OpenState(s.StateDir); err != nil {
		p.add("PUSHD_STATE_DIR", "%q can't be written to: %v; make it a directory that pushd's user owns", s.StateDir, err)
	}
}

func (s Settings) validateTexts(p *problems) {
	if len(s.Instance) > instanceMax || strings.ContainsFunc(s.Instance, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.add("PUSHD_INSTANCE", "%q is not a name of at most %d ASCII characters without blanks", s.Instance, instanceMax)
	}
	validateSQL("PUSHD_CHANNEL_QUERY", "SELECT", s.ChannelQuery, 1, p)
	validateSQL("PUSHD_STATUS_UPDATE", "UPDATE", s.StatusUpdate, 2, p)
}
