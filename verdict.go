package pushd

import (
	"fmt"
	"time"
)

// Verdict is what an answer of WeChat means for the person or the job it was
// about. internal/wechat holds the one table from answers to verdicts;
// internal/fanout/settle.go holds the one place that acts on them. A verdict's String is also
// its metric label.
type Verdict int

// The verdicts, as in docs/architecture.md.
const (
	// Sent: accepted by WeChat; also for calls that send nothing.
	Sent Verdict = iota
	// Skip: this person can't or won't receive it. Never retried.
	Skip
	// DeferShort: try again no earlier than 61 s later (40241), at most
	// three times.
	DeferShort
	// DeferLong: try again no earlier than 30 min later (43117), once.
	DeferLong
	// TokenRefused: the token is bad; no recipient's outcome.
	TokenRefused
	// Busy: WeChat, or the way there, did not answer properly; try again.
	Busy
	// Slower: the minute's quota is used up (45011).
	Slower
	// Quota: the day's quota is used up (45009).
	Quota
	// Fatal: the job cannot go on; no recipient's outcome.
	Fatal
	// FatalIfRepeated: like Fatal, but known to be answered sporadically
	// (40037, 40164): the person is tried again, the job ends when nothing
	// else comes any more.
	FatalIfRepeated
	// Other: this person failed; retryable by a person's decision.
	Other
)

// VerdictCount is how many verdicts there are.
const VerdictCount = int(Other) + 1

var verdictNames = [...]string{
	Sent: "sent", Skip: "skip", DeferShort: "defer_short", DeferLong: "defer_long",
	TokenRefused: "token", Busy: "busy", Slower: "slower", Quota: "quota",
	Fatal: "fatal", FatalIfRepeated: "fatal_if_repeated", Other: "other",
}

// Verdicts lists all verdicts, for metrics and tests.
func Verdicts() []Verdict {
	all := make([]Verdict, len(verdictNames))
	for i := range all {
		all[i] = Verdict(i)
	}
	return all
}

func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "invalid"
	}
	return verdictNames[v]
}

// Codes that pushd gives to answers without an errcode of WeChat's. They are
// negative and outside WeChat's range, and appear in a job's errors as text
// (see CodeName).
const (
	CodeNotSent       = -10001 // not one byte of the request was written
	CodeTimeout       = -10002 // no answer within PUSHD_SEND_TIMEOUT
	CodeBroken        = -10003 // reset, EOF or half a body
	CodeHTTP          = -10004 // an HTTP status other than 200
	CodeNotJSON       = -10005 // a body that is not WeChat's JSON
	CodeInDoubt       = -10006 // sent before a crash; the answer is not known
	CodeNotOnList     = -10007 // not on PUSHD_ONLY_OPENIDS
	CodeRefusedBefore = -10008 // has refused the template lately, and was not asked
)

var codeNames = map[int]string{
	CodeNotSent: "not_sent", CodeTimeout: "timeout", CodeBroken: "broken_connection",
	CodeHTTP: "http_status", CodeNotJSON: "not_json", CodeInDoubt: "in_doubt",
	CodeNotOnList: "not_on_only_list", CodeRefusedBefore: "refused_before",
}

// WeChat's errcodes that the ledger keeps (Person.Code) and that are recognised
// there: which wait a recipient was asked for. Everywhere else a Verdict and a
// Cause say what an answer means.
const (
	CodeDuplicate   = 40241 // a DeferShort
	CodeTooFrequent = 43117 // a DeferLong
)

// SkippedUnasked says that a code of pushd's own says why a recipient was skipped
// without a call to WeChat.
func SkippedUnasked(code int) bool { return code == CodeNotOnList || code == CodeRefusedBefore }

// CodeName names pushd's own codes and is empty for WeChat's errcodes.
func CodeName(code int) string { return codeNames[code] }

// Cause is what an answer speaks of, where its verdict alone does not decide.
// From one recipient the first three are about that recipient; from everyone
// they mean that token, list and template do not belong to the same account.
type Cause uint8

// The causes, as internal/wechat finds them.
const (
	// CauseNone: nothing beyond the verdict.
	CauseNone Cause = iota
	// CauseUnfollowed: the recipient does not follow the account.
	CauseUnfollowed
	// CauseOpenID: the openid is not of the token's account.
	CauseOpenID
	// CauseTemplate: the token's account has no such template. Known to be
	// answered now and then for a good one.
	CauseTemplate
	// CauseCursor: the follower is gone after whom the list was to go on.
	CauseCursor
	// CauseAddress: the caller's address is not on the account's IP whitelist.
	CauseAddress
	// CauseAudience: the audience can't be listed. The account has no such tag,
	// or PUSHD_AUDIENCE_QUERY does not give it.
	CauseAudience
	// CauseUnwilling: the recipient refuses messages of this kind.
	CauseUnwilling
)

// Suspect says whether a cause may mean that the job is wrong, not the
// recipient.
func (c Cause) Suspect() bool {
	return c == CauseUnfollowed || c == CauseOpenID || c == CauseTemplate
}

// Answer is what came back from one call to WeChat.
type Answer struct {
	Verdict Verdict
	// Code is WeChat's errcode, or one of the Code constants.
	Code int
	// Cause is what it speaks of.
	Cause Cause
	// Ambiguous says that WeChat may have accepted the message although
	// the verdict is not Sent.
	Ambiguous bool
	// Holds says that the account is held after this answer, until a person has
	// looked: going on would make WeChat's punishment worse, or is in vain.
	Holds bool
	// Text is WeChat's errmsg without its "rid:" and "hint:", or what went
	// wrong on the way. It holds no token.
	Text string
	// Waited is how much of the call's time went into waiting for a connection
	// and opening it. It says nothing about how busy WeChat is.
	Waited time.Duration
}

// OK says that the call did what it should.
func (a Answer) OK() bool { return a.Verdict == Sent }

// Describe is the answer in words.
func (a Answer) Describe() string {
	if a.Code == 0 { // it is none of WeChat's
		return a.Text
	}
	if name := CodeName(a.Code); name != "" {
		return name + " (" + a.Text + ")"
	}
	return fmt.Sprintf("%d %s", a.Code, a.Text)
}
