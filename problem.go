package pushd

import "errors"

// ProblemCode is the stable code of a refusal, as in api/openapi.yaml. The
// HTTP status of each is decided in package api alone.
type ProblemCode string

// The codes that the domain gives.
const (
	CodeInvalid         ProblemCode = "invalid_request"   // Field says what
	CodeChannelNotFound ProblemCode = "channel_not_found" // no such actid
	CodeChannelInvalid  ProblemCode = "channel_invalid"   // Field is the column that can't be used
	CodeJobNotFound     ProblemCode = "job_not_found"
	CodeAppIDMismatch   ProblemCode = "appid_mismatch" // the channel belongs to another account
	CodeAlreadyNotified ProblemCode = "already_notified"
	CodeMessageDiffers  ProblemCode = "message_differs"  // another message than that of the job at work
	CodeAudienceDiffers ProblemCode = "audience_differs" // another audience than that of the job that is there
	CodeJobDiffers      ProblemCode = "job_differs"      // another job than the one that was to go on
	CodeJobEnded        ProblemCode = "job_ended"
	CodeJobActive       ProblemCode = "job_active"
	CodeJobNotPaused    ProblemCode = "job_not_paused"
	CodeReminderOff     ProblemCode = "reminder_off"
	CodeOwnerDisabled   ProblemCode = "owner_disabled"
	CodeDeadlinePassed  ProblemCode = "deadline_passed"
	CodeNothingToRetry  ProblemCode = "nothing_to_retry"
	CodeTooSoon         ProblemCode = "too_soon"       // a brake: less than the gap after the account's last reminder
	CodeQuietHours      ProblemCode = "quiet_hours"    // a brake: no message leaves until after the deadline
	CodeTooManyToday    ProblemCode = "too_many_today" // a brake: the account has had its reminders of the day
	CodeUnavailable     ProblemCode = "unavailable"    // draining, or no database
	// CodeAudienceUnavailable: the audience can't be listed; a reason of jobs, too.
	CodeAudienceUnavailable ProblemCode = "audience_unavailable"
	// CodeWeChatRefused and CodeTokenUnavailable are about calls that ask
	// WeChat on behalf of the caller; jobs have reasons of the same names.
	CodeWeChatRefused    ProblemCode = "wechat_refused"
	CodeTokenUnavailable ProblemCode = "token_unavailable"
	// The reasons why a message can't be made, where a person looks at it
	// before a job does.
	CodeTemplateMissing       ProblemCode = "template_missing"
	CodeTemplateFieldsUnknown ProblemCode = "template_fields_unknown"
	CodeMessageInvalid        ProblemCode = "message_invalid"
)

// Problem is a refusal that the caller can understand and act on.
type Problem struct {
	Code  ProblemCode
	Field string // the field that is to blame, or ""
	Text  string // what is wrong and what to do; holds no secret
	Why   Why    // the same for programs, where Code does not say it all
	// Job is the job that stands in the way, if any. With it a problem is a
	// conflict: appid_mismatch is 409 with a job and 422 without.
	Job *Job
	// NotBefore is from when on the same request may be granted; 0 = not known.
	NotBefore Time
}

func (p *Problem) Error() string {
	if p.Field != "" {
		return p.Field + ": " + p.Text
	}
	return p.Text
}

// ChannelError says that the platform's row of one channel can't be used as it
// is. It concerns that channel alone and heals when someone corrects the row, or
// the query that reads it.
type ChannelError struct {
	// Column is the column of PUSHD_CHANNEL_QUERY that is to blame.
	Column string
	// Text says what is there and what to write instead.
	Text string
}

func (e *ChannelError) Error() string { return e.Column + " " + e.Text }

// BadChannel returns the ChannelError in err, or nil.
func BadChannel(err error) *ChannelError {
	bad, _ := errors.AsType[*ChannelError](err)
	return bad
}
