package pushd

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"strings"
	"time"
	"unicode/utf8"
)

// State is where a job is in its life.
type State string

// The states. Queued, running, paused and parked jobs are active; the others
// have ended.
const (
	Queued    State = "queued"    // waits for a process or for its account
	Running   State = "running"   // a process works on it
	Paused    State = "paused"    // a person stopped it; the deadline runs on
	Parked    State = "parked"    // waits for quota, token, database or WeChat
	Succeeded State = "succeeded" // everyone is accounted for
	Failed    State = "failed"    // it could not go on; waits for a person
	Expired   State = "expired"   // the deadline passed
	Canceled  State = "canceled"  // a person, or the channel, stopped it for good
)

// Ended says that nothing more happens to a job in this state by itself.
func (s State) Ended() bool {
	return s == Succeeded || s == Failed || s == Expired || s == Canceled
}

// Active is the opposite of Ended.
func (s State) Active() bool { return !s.Ended() }

// ActiveStates and EndedStates list the two kinds, for SQL and for commands.
var (
	ActiveStates = []State{Queued, Running, Paused, Parked}
	EndedStates  = []State{Succeeded, Failed, Expired, Canceled}
)

// Reason says why a job is in its state: a stable word for programs. Empty
// where the state says it all.
type Reason string

// Reasons of paused, parked and queued jobs.
const (
	FirstReached     Reason = "first_reached"     // paused: the first recipients were attempted, and the rest waits for a person
	InQuietHours     Reason = "quiet_hours"       // parked: no message leaves now
	LedgerWentBack   Reason = "ledger_went_back"  // paused: the database was restored from a copy
	OnHold           Reason = "held"              // queued or parked: its account, or everything, is held
	AccountBusy      Reason = "account_busy"      // queued: another job of the account runs
	QuotaExhausted   Reason = "quota_exhausted"   // 45009
	TokenUnavailable Reason = "token_unavailable" // no token WeChat would accept
	WeChatDown       Reason = "wechat_down"       // nothing good for 3 s
	AccountMismatch  Reason = "account_mismatch"  // the breaker: token, openids and template do not belong together
	ChannelInvalid   Reason = "channel_invalid"   // a column of the channel's row can't be used
	WaitingDeferred  Reason = "waiting_deferred"  // only recipients whom WeChat asked to try later are left
	// AudienceUnavailable: the account has no such tag, or PUSHD_AUDIENCE_QUERY does not run.
	AudienceUnavailable Reason = "audience_unavailable"
)

// Reasons of ended jobs.
const (
	DeadlinePassed        Reason = "deadline_passed"
	CanceledByUser        Reason = "canceled_by_user"
	ReminderOff           Reason = "reminder_off"
	OwnerDisabled         Reason = "owner_disabled"
	ChannelGone           Reason = "channel_gone"
	StartMoved            Reason = "start_moved" // and the platform asks for a reminder of the new start
	WalkIncomplete        Reason = "walk_incomplete"
	TemplateFieldsUnknown Reason = "template_fields_unknown"
	TemplateMissing       Reason = "template_missing"
	MessageInvalid        Reason = "message_invalid"
	WeChatRefused         Reason = "wechat_refused" // a fatal errcode; the detail names it
	TooManyFailures       Reason = "too_many_failures"
	LedgerMismatch        Reason = "ledger_mismatch" // the sums do not add up
)

// Job is one reminder of one channel on its way to its audience.
type Job struct {
	ID        JobID
	ActID     ActID
	AppID     AppID
	Audience  Audience // fixed when the job is accepted; "" is everyone
	StartTime int64    // the channel's start, unix seconds; 0 = unknown
	Run       int      // 0 for the first job of a reminder, then 1, 2, … by restart
	State     State
	Reason    Reason
	Detail    string // the reason in words: what happened and what to do
	Asked     Asked
	Prepared  Prepared // zero until prepare has run
	Rate      int      // the job's own ceiling, messages/s; 0 = none
	Deadline  Time
	// DeadlineAsked says that the deadline came with the job and does not
	// move with the channel's start.
	DeadlineAsked bool
	// Notified says that the job has succeeded once. A retry of its failed
	// recipients then leaves live_notify_status at 2.
	Notified                                      bool
	CreatedAt, StartedAt, FinishedAt, ParkedUntil Time
	Walk                                          Walk
	Counts                                        Counts
	QuotaRemain, Shortfall                        *int64 // nil = unknown
	// PurgedAt is when the pages went (PUSHD_RETENTION); 0 = still there.
	PurgedAt Time

	Owner  Owner // zero while no process holds the lease
	Epoch  int64
	Leased Time // until when
	// LeaseTerm is how long the lease lasts without a renewal, as its owner
	// has it; a microsecond more where it was renewed after it had lapsed.
	LeaseTerm time.Duration
	// MsgID is the client_msg_id by which WeChat recognises a repeated send.
	// It is fixed for the job's life.
	MsgID MsgID
	// MessageVersion numbers the message that is sent, from 1; 0 = none was
	// made yet.
	MessageVersion int
	// First is how many recipients are attempted before the job pauses itself; 0 =
	// it does not. FirstPassed says that a person has let the rest follow.
	First       int
	FirstPassed bool
	// Forced says that a person has asked for it in spite of the brakes.
	Forced bool
	// Retry says which recipients with an outcome are sent to again.
	Retry Again
	// SendRate is messages/s over the last 10 s as the owner last reported.
	SendRate float64
	// LastSent is when a send was last started, as the owner last reported: with
	// each renewal, and when it let go. 0 = never.
	LastSent Time
	// Now is the database's clock when the job was read.
	Now Time
}

// Again says which recipients with an outcome are sent to again.
type Again string

// The kinds of a retry.
const (
	AgainNobody  Again = ""
	AgainFailed  Again = "failed"
	AgainUnknown Again = "unknown" // the failed too
)

// Lease returns the lease that the job was read with.
func (j *Job) Lease() Lease { return Lease{Job: j.ID, Epoch: j.Epoch} }

// EndMark is where an ended job is in the list of those.
func (j *Job) EndMark() EndMark { return EndMark{At: j.FinishedAt, Job: j.ID} }

// ETA is when a running job is done if it goes on at this rate, in messages/s; 0
// where it is unknown, which includes more than a year.
func (j *Job) ETA(rate float64) Time {
	people := j.Walk.Walked
	if j.Walk.Total != nil && !j.Walk.Complete {
		people = max(people, *j.Walk.Total)
	}
	left := float64(people - j.Counts.Settled())
	if j.State != Running || rate == 0 || left <= 0 || j.Now == 0 {
		return 0
	}
	seconds := left / rate
	if seconds > (365 * 24 * time.Hour).Seconds() {
		return 0
	}
	return j.Now.Add(time.Duration(seconds * float64(time.Second)))
}

// NewJobID draws a job id: 100 random bits.
func NewJobID() JobID { return JobID(strings.ToLower(rand.Text()[:20])) }

// Asked is what the job's POST said about the message; it wins over the
// database. Secrets and tokens are not in it.
type Asked struct {
	TemplateID  TemplateID        `json:"templateId,omitempty"`
	URL         string            `json:"url,omitempty"`
	MiniProgram *MiniProgram      `json:"miniprogram,omitempty"`
	Data        map[string]string `json:"data,omitempty"`
	// Posted is what the POST had said, where a correction has changed it.
	Posted *Asked `json:"posted,omitempty"`
}

// Empty says that the POST left everything to the database.
func (a Asked) Empty() bool {
	return a.TemplateID == "" && a.URL == "" && a.MiniProgram == nil && len(a.Data) == 0
}

// Differs names what a POST says of the message that the job at work was not
// asked for. What it does not say does not differ, nor does what the job's own
// POST had said before a correction: it is that POST, made again.
func (a Asked) Differs(work Asked) (names []string) {
	if work.Posted != nil && len(a.Differs(*work.Posted)) == 0 {
		return nil
	}
	if a.TemplateID != "" && a.TemplateID != work.TemplateID {
		names = append(names, "templateId")
	}
	if a.URL != "" && a.URL != work.URL {
		names = append(names, "url")
	}
	if a.MiniProgram != nil && (work.MiniProgram == nil || *a.MiniProgram != *work.MiniProgram) {
		names = append(names, "miniprogram")
	}
	if len(a.Data) > 0 && !maps.Equal(a.Data, work.Data) {
		names = append(names, "data")
	}
	return names
}

// Prepared is what prepare made of a job: the message, and the channel's
// facts it was made from.
type Prepared struct {
	Message   *Message // nil until prepared
	StartTime int64    // unix seconds, 0 = unknown
	// Deadline is the job's new deadline where the start has moved; 0
	// leaves it as it is.
	Deadline Time
}

// Walk is where the walk over the followers stands.
type Walk struct {
	Pass     int    // 1 for the first walk of the list, 2 for the second, …; 0 before page 1
	Cursor   OpenID // where to go on; "" = start
	Pages    int    // stored so far; they are numbered 1..Pages
	Walked   int64  // recipients stored so far
	Total    *int64 // WeChat's last word; nil before page 1, and where it is not counted before the first pass is over
	Seen     int64  // recipients listed in this pass, repeats included
	Fresh    int64  // recipients this pass found that earlier passes had not
	PassAt   Time   // when this pass began
	Complete bool
}

// Known is Total, or 0 where there is none.
func (w Walk) Known() int64 {
	if w.Total == nil {
		return 0
	}
	return *w.Total
}

// Counts are a job's sums over all its pages.
type Counts struct {
	Sent, Skipped, Failed, Unknown int64
	Retries                        int64
	InDoubt                        int64 // sent to again after the dedup window (PUSHD_AMBIGUOUS=resend)
	Errors                         map[int]int64
}

// Settled is how many recipients have an outcome.
func (c Counts) Settled() int64 { return c.Sent + c.Skipped + c.Failed + c.Unknown }

// Add adds d.
func (c *Counts) Add(d Counts) {
	c.Sent += d.Sent
	c.Skipped += d.Skipped
	c.Failed += d.Failed
	c.Unknown += d.Unknown
	c.Retries += d.Retries
	c.InDoubt += d.InDoubt
	for code, n := range d.Errors {
		if c.Errors == nil {
			c.Errors = map[int]int64{}
		}
		c.Errors[code] += n
	}
}

// Answered says that WeChat has answered some send properly.
func (c Counts) Answered() bool {
	for code := range c.Errors {
		if code > 0 {
			return true
		}
	}
	return c.Sent > 0
}

// Held is a lease that its owner wants prolonged, and what to show meanwhile.
type Held struct {
	Lease
	SendRate float64
	LastSent Time // 0 leaves what was reported before
}

// Order is what commands have made of a held job.
type Order struct {
	Lease
	State    State
	Rate     int
	Deadline Time
	OnHold   bool // nothing may be sent, whatever the state
}

// Parking says why a job parks, and until when.
type Parking struct {
	// Pause has the job wait for a person, and not until a time.
	Pause  bool
	Reason Reason
	Detail string
	Until  Time
}

// Ending says how a job ended.
type Ending struct {
	State  State
	Reason Reason
	Detail string
	// Hold, if not nil, is set together with the end.
	Hold *Hold
}

// DefaultDeadline is when a reminder without a deadline of its own is no
// longer worth sending: grace after the start, or six hours after it was
// asked for where the start is unknown.
func DefaultDeadline(startTime int64, now Time, grace time.Duration) Time {
	if startTime == 0 {
		return now.Add(6 * time.Hour)
	}
	return Time(startTime * 1e6).Add(grace)
}

// MarshalErrors encodes Errors for the ledger; nil when there are none.
func (c Counts) MarshalErrors() []byte {
	if len(c.Errors) == 0 {
		return nil
	}
	b, _ := json.Marshal(c.Errors) // a map of integers always encodes
	return b
}

// detailMax is how many bytes of a detail a ledger keeps.
const detailMax = 2000

// ClipDetail makes a detail, which may quote WeChat or PHP, fit for a ledger:
// valid UTF-8, and at most 2,000 bytes and an ellipsis.
func ClipDetail(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= detailMax {
		return text
	}
	end := detailMax
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
