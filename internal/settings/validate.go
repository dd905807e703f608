package settings

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

	"pushd"
	"pushd/internal/alarm"
	"pushd/internal/daemon"
	"pushd/internal/loopback"
	"pushd/internal/mysqlconn"
)

// keyMin is the least length of an API key: 16 characters hold at least 64
// bits if they were drawn at random.
const keyMin = 16

// secretMin is the least length of a secret that others derive from.
const secretMin = 32

// Validate notes everything that pushd serve could not work with.
func (s Settings) Validate(p *Problems) {
	limits(reflect.ValueOf(s), p)
	s.ValidateSecrets(p)
	s.validateTimes(p)
	s.validateTexts(p)
	s.validateState(p)
}

// ValidateSecrets notes what pushd could not work with of what may change while it
// runs.
func (s Settings) ValidateSecrets(p *Problems) {
	s.Database.Validate(p)
	s.validateListen(p)
	s.validateKeys(p)
	s.validateURLs(p)
	s.validateWebhook(p)
	if n := len(s.CallbackSecret); n > 0 && n < secretMin {
		p.Add("PUSHD_CALLBACK_SECRET", "has less than %d characters; draw it: openssl rand -hex 32", secretMin)
	}
}

// validateWebhook does not show the URL: of a robot of a chat it is the secret.
func (s Settings) validateWebhook(p *Problems) {
	const name = "PUSHD_WEBHOOK_URL"
	if s.WebhookURL == "" {
		if s.WebhookSecret != "" {
			p.Add(name, "is required with PUSHD_WEBHOOK_SECRET")
		}
		return
	}
	u, err := url.Parse(string(s.WebhookURL))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		p.Add(name, "is not a URL such as https://example.com/path")
	case u.User != nil:
		p.Add(name, "holds a user or a password, which pushd does not send")
	case u.Scheme == "http" && !loopback.Host(u.Hostname()) && !s.AllowPlaintext:
		p.Add(name, "would carry alarms unencrypted; use https, or set PUSHD_ALLOW_PLAINTEXT=true")
	}
	if s.WebhookSecret != "" && s.WebhookFormat == alarm.WeCom {
		p.Add("PUSHD_WEBHOOK_SECRET", "is of no use: a robot of wecom knows no signature")
	}
}

// Validate notes what is wrong with the DSN of the daemon.
func (d Database) Validate(p *Problems) {
	if d.MySQLDSN == "" {
		p.Add("PUSHD_MYSQL_DSN", "is required: user:password@tcp(host:3306)/name")
		return
	}
	validateDSN("PUSHD_MYSQL_DSN", d.MySQLDSN, p)
}

// Validate notes what is wrong with the DSN that makes the tables.
func (d MigrateDatabase) Validate(p *Problems) {
	if d.MigrateDSN == "" {
		d.Database.Validate(p)
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

// Validate notes what is wrong with the logging.
func (l Logging) Validate(p *Problems) { limits(reflect.ValueOf(l), p) }

// limits holds each field against its tags min, max and oneof.
func limits(v reflect.Value, p *Problems) {
	for f, flag := range Fields(v.Type()) {
		name, field := EnvName(flag), v.FieldByIndex(f.Index)
		allow := Allowed(f.Tag.Get)
		if list := f.Tag.Get("oneof"); list != "" && !contains(strings.Split(list, ","), field.String()) {
			p.Add(name, "%q is not known%s", field.String(), allow)
		}
		low, high := f.Tag.Get("min"), f.Tag.Get("max")
		if low == "" {
			continue
		}
		if n := field.Int(); n < number(low) || n > number(high) {
			p.Add(name, "%v is out of range%s", field.Interface(), allow)
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

// Validate notes an address that no one can listen on, and a certificate that
// does not fit its key.
func (l Listening) Validate(p *Problems) {
	_, port, err := net.SplitHostPort(l.Listen)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n > 65535 {
		p.Add("PUSHD_LISTEN", "%q is not host:port, such as 127.0.0.1:8080", l.Listen)
		return
	}
	l.validateTLS(p)
}

// validateListen keeps an API that anybody could use, or overhear, from being
// opened beyond this machine.
func (s Settings) validateListen(p *Problems) {
	s.Listening.Validate(p)
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil || p.has("PUSHD_LISTEN") || loopback.Host(host) {
		return
	}
	if s.APIKey == "" {
		p.Add("PUSHD_API_KEY", "is required, for PUSHD_LISTEN=%s can be reached from other machines", s.Listen)
	}
	if !s.TLS() && !s.AllowPlaintext {
		p.Add("PUSHD_LISTEN", "%s can be reached from other machines: set PUSHD_TLS_CERT and PUSHD_TLS_KEY, or PUSHD_ALLOW_PLAINTEXT=true behind something that does TLS", s.Listen)
	}
}

func (l Listening) validateTLS(p *Problems) {
	switch {
	case l.TLSCert == "" && l.TLSKey == "":
	case l.TLSKey == "":
		p.Add("PUSHD_TLS_KEY", "is required with PUSHD_TLS_CERT")
	case l.TLSCert == "":
		p.Add("PUSHD_TLS_CERT", "is required with PUSHD_TLS_KEY")
	default:
		if _, err := tls.LoadX509KeyPair(l.TLSCert, l.TLSKey); err != nil {
			p.Add("PUSHD_TLS_CERT", "%s and PUSHD_TLS_KEY %s are not a pair that works: %v", l.TLSCert, l.TLSKey, err)
		}
	}
}

// validateDSN says nothing of the driver's own words: of a DSN that is
// written wrongly they may show the password.
func validateDSN(name string, dsn Secret, p *Problems) {
	config, err := mysql.ParseDSN(string(dsn))
	switch {
	case strings.Contains(string(dsn), "://"):
		p.Add(name, "is a URL; allowed: user:password@tcp(host:3306)/name, without a scheme")
	case err != nil:
		p.Add(name, "is not a DSN such as user:password@tcp(host:3306)/name")
	case config.DBName == "":
		p.Add(name, "names no database; it ends in /name")
	case len(mysqlconn.Hosts(string(dsn))) == 0:
		p.Add(name, "names an empty host, or one twice; allowed: user:password@tcp(host1:3306,host2:3306)/name")
	}
}

func (s Settings) validateURLs(p *Problems) {
	if s.TokenURL == "" {
		p.Add("PUSHD_TOKEN_URL", "is required: PHP's token endpoint, such as https://example.com/token.php")
	} else {
		s.validateURL("PUSHD_TOKEN_URL", s.TokenURL, p)
	}
	if u := s.validateURL("PUSHD_WECHAT_URL", s.WeChatURL, p); u != nil && u.RawQuery != "" {
		p.Add("PUSHD_WECHAT_URL", "%s has a query; pushd adds its own", s.WeChatURL)
	}
}

// validateURL wants a URL that can be called without telling a token to the
// network.
func (s Settings) validateURL(name string, a Address, p *Problems) *url.URL {
	u, err := url.Parse(string(a))
	switch {
	case err != nil:
		p.Add(name, "is not a URL such as https://example.com/path")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		p.Add(name, "%q is not a URL such as https://example.com/path", a.String())
	case u.User != nil:
		p.Add(name, "%s holds a user or a password, which pushd does not send", a)
	case u.Fragment != "":
		p.Add(name, "%s has a part after #, which is never sent", a)
	case u.Scheme == "http" && !loopback.Host(u.Hostname()) && !s.AllowPlaintext:
		p.Add(name, "%s would carry access tokens unencrypted; use https, or set PUSHD_ALLOW_PLAINTEXT=true", a)
	default:
		return u
	}
	return nil
}

func (s Settings) validateTimes(p *Problems) {
	if s.Lease >= s.DedupWindow && !p.has("PUSHD_LEASE") {
		p.Add("PUSHD_LEASE", "%v is not shorter than PUSHD_DEDUP_WINDOW=%v: after a crash recipients would get the message twice", s.Lease, s.DedupWindow)
	}
	if s.SendTimeout >= s.DedupWindow {
		p.Add("PUSHD_SEND_TIMEOUT", "%v is not shorter than PUSHD_DEDUP_WINDOW=%v", s.SendTimeout, s.DedupWindow)
	}
	if _, err := s.Location(); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		p.Add("PUSHD_TIMEZONE", "%q is not a time zone such as Asia/Shanghai", s.Timezone)
	}
	if _, err := pushd.ParseQuietHours(s.QuietHours); err != nil {
		p.Add("PUSHD_QUIET_HOURS", "%q %v", s.QuietHours, err)
	}
}

// validateState wants a directory that can be written to: a counter that is not
// kept would be missed when it is too late.
func (s Settings) validateState(p *Problems) {
	if s.StateDir == "" {
		return
	}
	if _, err := daemon.OpenState(s.StateDir); err != nil {
		p.Add("PUSHD_STATE_DIR", "%q can't be written to: %v; make it a directory that pushd's user owns", s.StateDir, err)
	}
}

func (s Settings) validateTexts(p *Problems) {
	if len(s.Instance) > InstanceMax || strings.ContainsFunc(s.Instance, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.Add("PUSHD_INSTANCE", "%q is not a name of at most %d ASCII characters without blanks", s.Instance, InstanceMax)
	}
	ValidateSQL("PUSHD_CHANNEL_QUERY", "SELECT", s.ChannelQuery, 1, p)
	ValidateSQL("PUSHD_STATUS_UPDATE", "UPDATE", s.StatusUpdate, 2, p)
	ValidateSQL("PUSHD_AUDIENCE_QUERY", "SELECT", s.AudienceQuery, 3, p)
	ValidateSQL("PUSHD_CALLBACK_QUERY", "SELECT", s.CallbackQuery, 1, p)
	ValidateSQL("PUSHD_DUE_QUERY", "SELECT", s.DueQuery, max(Marks(s.DueQuery), 1), p)
	ValidateSQL("PUSHD_DUE_LIST", "SELECT", s.DueList, max((Marks(s.DueList)+1)/2*2, 2), p)
}

// Validate notes what is wrong with how a pushd is to be reached.
func (r Remote) Validate(p *Problems) {
	if u, err := url.Parse(string(r.Server)); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.Add("PUSHD_SERVER", "is not a URL such as http://127.0.0.1:8080")
	}
}
