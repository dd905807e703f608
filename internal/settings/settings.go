// Package settings is the settings of pushd: flags, environment variables and
// files named by some, their defaults, limits and texts, and what is wrong with
// them, all at once and by the name of the variable.
package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"pushd"
	"pushd/internal/alarm"
	"pushd/internal/fanout"
	"pushd/internal/platform"
)

// Settings is every setting of pushd serve. Each field is a flag
// (--send-timeout) and an environment variable (PUSHD_SEND_TIMEOUT); a flag
// wins. Fields tagged secret can also be read from a file
// (PUSHD_API_KEY_FILE). Durations are written as Go writes them: 10s, 30m, 168h.
//
// The tags min, max and oneof are enforced by validate.go, where the rules
// that span several settings are too.
type Settings struct {
	Logging   `embed:""`
	Database  `embed:""`
	Listening `embed:""`

	// APIKey holds the keys of the API, comma-separated; see Keys.
	APIKey Secret `name:"api-key" secret:"" placeholder:"[NAME:]KEY,..." help:"Keys that open the API, 16 characters or more each; with a name in front, the log and the events say who it was."`
	// ReadKey holds those that may only read.
	ReadKey Secret `name:"read-key" secret:"" placeholder:"[NAME:]KEY,..." help:"Keys that may read everything and change nothing."`
	// Console says whether there is a console; without an API key there is none.
	Console string `default:"on" oneof:"on,off" help:"The operator's console at /console/, for those with an API key."`
	// AllowPlaintext lifts the demand for TLS beyond loopback, of the API
	// and of the URLs that pushd calls.
	AllowPlaintext bool `help:"Allow plain HTTP beyond loopback, for example behind a proxy on the same network."`

	// CallbackSecret is what the tokens of WeChat's callbacks derive from.
	CallbackSecret Secret `secret:"" placeholder:"SECRET" help:"Secret from which the host derives each account's callback token: by it WeChat's signature of a receipt is checked that comes without a key."`

	// TokenURL is PHP's token endpoint; it may hold a query.
	TokenURL Address `name:"token-url" secret:"" placeholder:"URL" help:"PHP's token endpoint; may hold a query. Required."`
	// TokenKey is what pushd shows to the token endpoint.
	TokenKey Secret `secret:"" placeholder:"KEY" help:"Key that pushd shows to the token endpoint."`
	// TokenMaxAge is the age at which a token is renewed.
	TokenMaxAge time.Duration `default:"7000s" min:"1s" max:"7200s" help:"Age at which an access token is renewed."`
	// TokenConcurrency is the ceiling of the questions to the token endpoint.
	TokenConcurrency int `default:"16" min:"1" max:"1024" help:"Most questions to the token endpoint at once; fewer while it is slow. Keep it below the workers of PHP's pool."`
	// WeChatURL is the root of WeChat's API.
	WeChatURL Address `name:"wechat-url" default:"https://api.weixin.qq.com" help:"Root of WeChat's API."`

	// Concurrency is the ceiling of sends in flight per account.
	Concurrency int `default:"1024" min:"1" max:"65535" help:"Ceiling of messages in flight per account."`
	// Rate is the ceiling per account in messages/s; 0 = none.
	Rate int `default:"0" min:"0" max:"1000000" help:"Ceiling per account, messages/s; 0 = none."`
	// TotalRate is the ceiling of the whole process in messages/s; 0 = none.
	TotalRate int `default:"0" min:"0" max:"1000000" help:"Ceiling of the whole process, messages/s; 0 = none."`
	// MaxJobs is how many jobs run at once; waiting ones hold no slot.
	MaxJobs int `default:"512" min:"1" max:"65535" help:"Jobs running at once."`

	// SendTimeout bounds one call to WeChat.
	SendTimeout time.Duration `default:"10s" min:"100ms" max:"60s" help:"Longest wait for one answer of WeChat."`
	// DedupWindow is how long WeChat is trusted to recognise a repeated
	// client_msg_id; WeChat's own window is ten minutes.
	DedupWindow time.Duration `default:"9m" min:"1s" max:"10m" help:"How long a repeated message is known to be recognised by WeChat."`
	// Ambiguous says what happens, after the window, to recipients who
	// may have got it.
	Ambiguous fanout.Ambiguous `default:"resend" oneof:"resend,unknown" help:"Recipients in doubt after the window: send to them again (resend), or list them (unknown)."`
	// StateDir holds what pushd remembers outside of the database: the ledger's
	// counter. "" is nowhere.
	StateDir string `placeholder:"DIR" help:"Directory that survives a restart: by the counter in it pushd recognises a database that was restored from a copy. Default: that of systemd's StateDirectory."`
	// Lease is the term of the right to work on a job.
	Lease time.Duration `default:"15s" min:"3s" max:"10m" help:"Time after which another process takes over a job whose owner is silent."`
	// Instance is the name that survives a restart.
	Instance string `placeholder:"NAME" help:"Name that survives a restart; default: host name and listen address. Set it in containers."`
	// DrainTimeout is how long a stop may take.
	DrainTimeout time.Duration `default:"15s" min:"3s" max:"10m" help:"Longest graceful stop."`
	// Grace is the default deadline after the start time.
	Grace time.Duration `default:"30m" min:"1s" max:"168h" help:"Default deadline after a stream's start."`
	// Retention is how long pages stay after a job's end.
	Retention time.Duration `default:"168h" min:"1s" max:"87600h" help:"How long a job's recipients stay on record after its end."`
	// JobRetention is how long jobs stay after their end.
	JobRetention time.Duration `default:"9600h" min:"24h" max:"87600h" help:"How long a job itself stays on record after its end: its figures and its messages. It never goes before its recipients."`

	// RefusalMemory is how long a refusal is remembered; 0 = not at all.
	RefusalMemory time.Duration `default:"720h" min:"0s" max:"8760h" help:"How long a recipient who has refused a template (43101) is skipped without being asked; 0 = not at all."`
	// Timezone is the zone of the times in messages, and of the day that PerDay
	// means; see Location.
	Timezone string `default:"Asia/Shanghai" placeholder:"ZONE" help:"Zone of the times in messages, and of the day of --per-day."`
	// MinGap and PerDay are brakes; 0 = none. See Brakes.
	MinGap time.Duration `default:"0s" min:"0s" max:"8760h" help:"Least time between two reminders of an account, where the channel query does not say (min_gap); 0 = none."`
	PerDay int           `default:"0" min:"0" max:"1000" help:"Reminders a day of an account, where the channel query does not say (per_day); 0 = any number."`
	// QuietHours is when no message leaves; "" = any time.
	QuietHours string `placeholder:"HH:MM-HH:MM" help:"Time of the day in which no message leaves, such as 22:30-07:30, where the channel query does not say (quiet_hours)."`
	// ChannelQuery and StatusUpdate replace the SQL that reads a channel
	// and writes its status; "" is the SQL for deploy/schema.sql.
	ChannelQuery string `placeholder:"SQL" help:"SELECT that reads a channel; one ? (actid)."`
	StatusUpdate string `placeholder:"SQL" help:"UPDATE that writes live_notify_status; two ? (status, actid)."`
	// AudienceQuery lists the subscribers of a channel; "" is none.
	AudienceQuery string `placeholder:"SQL" help:"SELECT that lists those who asked for a channel's stream, openids ascending byte by byte; three ? (actid, openid to go on behind, how many rows). For the audience subscribers."`
	// CallbackQuery reads which token of an account's callback is current; "" takes
	// any.
	CallbackQuery string `placeholder:"SQL" help:"SELECT that gives which token of an account's callback is the current one, 0 for the first; one ? (appid). Receipts that are signed with another one count for nothing."`
	// DueQuery counts what fell due and was not posted; "" counts nothing.
	DueQuery string `placeholder:"SQL" help:"SELECT that counts the reminders which were due at a time and have not been posted; each ? is that time in unix seconds. For pushd_reminders_overdue."`
	// DueList lists what is due between two times; "" lists nothing.
	DueList string `placeholder:"SQL" help:"SELECT that lists the reminders which are due after one time and not after another, and have not been posted: act_id, due_at, title, appid; each two ? are these times in unix seconds. For the console, and for pushd_reminders_braked."`
	// StatusFailed is live_notify_status after a job that did not complete.
	StatusFailed int `default:"3" min:"3" max:"127" help:"live_notify_status of a job that ended without completing."`
	// WebhookURL is where alarms go; it holds a secret with most receivers. "" is
	// nowhere.
	WebhookURL Secret `name:"webhook-url" secret:"" placeholder:"URL" help:"Where alarms are posted to: a program, or the robot of a chat."`
	// WebhookSecret signs the messages, in the manner of WebhookFormat.
	WebhookSecret Secret `secret:"" placeholder:"SECRET" help:"Signs the alarms: HMAC-SHA256 for json, the robot's own way for dingtalk and feishu."`
	// WebhookFormat is whose messages are posted.
	WebhookFormat alarm.Format `default:"json" oneof:"json,wecom,dingtalk,feishu" help:"Form of the alarms."`
	// OnlyOpenIDs, if any, are the only recipients who are sent to.
	OnlyOpenIDs OpenIDs `name:"only-openids" placeholder:"OPENID,..." help:"Staging: send to these followers only; everyone else is skipped."`
}

// Listening says where the API is, and with which certificate.
type Listening struct {
	// Listen is host:port of the API.
	Listen string `default:"127.0.0.1:8080" help:"Address of the API."`
	// TLSCert and TLSKey are files in PEM.
	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain of the API, PEM."`
	TLSKey  string `name:"tls-key" placeholder:"FILE" help:"Private key of --tls-cert, PEM."`
}

// Database says where pushd's tables and the platform's are.
type Database struct {
	// MySQLDSN is a DSN of github.com/go-sql-driver/mysql.
	MySQLDSN Secret `name:"mysql-dsn" secret:"" placeholder:"DSN" help:"Database, user:password@tcp(host:3306)/name; of a cluster tcp(host1:3306,host2:3306,...). Required."`
}

// MigrateDatabase says where pushd migrate makes its tables.
type MigrateDatabase struct {
	Database `embed:""`
	// MigrateDSN is used in place of MySQLDSN: a user who may create tables.
	MigrateDSN Secret `name:"migrate-dsn" secret:"" placeholder:"DSN" help:"Database user who may create tables; default: --mysql-dsn."`
}

// Logging says what is logged and how.
type Logging struct {
	// LogLevel is the least level that is logged.
	LogLevel string `default:"info" oneof:"debug,info,warn,error" help:"debug, info, warn or error."`
	// LogFormat is the form of a line on standard error.
	LogFormat string `default:"text" oneof:"text,json" help:"text or json."`
}

// NoStateDir is what there is to say where StateDir is not set.
const NoStateDir = "PUSHD_STATE_DIR is not set: a database that is restored from a copy can't be recognised, and followers may get a message twice; see \"After a restore\" in docs/operations.md"

// Remote says how the job commands reach a running pushd.
type Remote struct {
	// Server is the root of the API.
	Server Address `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Root of the API of a running pushd."`
	// Key is one key of the API.
	Key Secret `name:"api-key" secret:"" placeholder:"KEY" help:"Key of the API; the first one where there are several."`
	// CA is a file in PEM; "" is the system's.
	CA string `name:"ca" placeholder:"FILE" help:"Certificates to trust for --server, PEM; default: the system's."`
}

// OpenIDs is a comma-separated list of openids.
type OpenIDs []pushd.OpenID

// Set says whether id is among them.
func (o OpenIDs) Set() map[pushd.OpenID]bool {
	if len(o) == 0 {
		return nil
	}
	set := make(map[pushd.OpenID]bool, len(o))
	for _, id := range o {
		set[id] = true
	}
	return set
}

// Hook is the webhook of a process; its URL is "" where there is none.
func (s Settings) Hook(instance string) alarm.Hook {
	return alarm.Hook{URL: string(s.WebhookURL), Secret: string(s.WebhookSecret), Format: s.WebhookFormat, Instance: instance}
}

// quiet is QuietHours. A Settings that is valid has none that can't be read.
func (s Settings) quiet() pushd.QuietHours {
	q, _ := pushd.ParseQuietHours(s.QuietHours)
	return q
}

// Brakes are those of channels that have none of their own.
func (s Settings) Brakes() pushd.Brakes {
	quiet := s.quiet()
	return pushd.Brakes{MinGap: &s.MinGap, PerDay: &s.PerDay, Quiet: &quiet}
}

// Keys returns the API's keys one by one, the read-only ones last.
func (s Settings) Keys() []pushd.Key {
	return append(parseKeys(string(s.APIKey), "key", false), parseKeys(string(s.ReadKey), "read", true)...)
}

// FirstKey is the key that a client shows, without its name; "" if there is none.
func (r Remote) FirstKey() string {
	for _, k := range parseKeys(string(r.Key), "key", false) {
		return k.Secret
	}
	return ""
}

// Location returns the zone of Timezone. A Settings that is valid has one.
func (s Settings) Location() (*time.Location, error) { return time.LoadLocation(s.Timezone) }

// Queries are the statements for the platform's tables, as they are run.
func (s Settings) Queries() platform.Queries {
	return platform.Queries{
		ChannelQuery: WithoutTail(s.ChannelQuery), StatusUpdate: WithoutTail(s.StatusUpdate),
		AudienceQuery: WithoutTail(s.AudienceQuery), CallbackQuery: WithoutTail(s.CallbackQuery), DueQuery: WithoutTail(s.DueQuery), DueMarks: Marks(s.DueQuery),
		DueList: WithoutTail(s.DueList), DueListMarks: Marks(s.DueList),
	}
}

// TLS says whether the API speaks TLS.
func (l Listening) TLS() bool { return l.TLSCert != "" }

// InstanceMax is the width of the column that holds PUSHD_INSTANCE.
const InstanceMax = 64

// DefaultInstance names a process by where it can be reached: two daemons on
// one host differ in their address. A name that is too long ends in a hash of
// the whole.
func DefaultInstance(host, listen string) string {
	name := host + "/" + listen
	if len(name) <= InstanceMax {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "#" + hex.EncodeToString(sum[:6])
	return name[:InstanceMax-len(tail)] + tail
}

// Split cuts a comma-separated list and drops the blanks around its parts.
func Split(list string) []string {
	parts := strings.Split(list, ",")
	kept := parts[:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			kept = append(kept, p)
		}
	}
	return kept
}
