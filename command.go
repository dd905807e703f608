package pushd

import "time"

// Command is a change of state asked for by a person.
type Command struct {
	// Kind is what the command leaves behind as an event; "" nothing.
	Kind   EventKind
	From   []State
	To     State // "" = stays as it is
	Reason Reason
	Detail string
	// Deadline replaces the job's where it is not 0.
	Deadline Time
	// Rate replaces the job's ceiling where it is not nil; 0 = none.
	Rate *int
	// Resume queues a paused job, and makes a parked one due now with its
	// message made again; other states stay. To is empty then.
	Resume bool
	// InTime wants the job's deadline to be ahead: ErrLost if it is past.
	InTime bool
	// Retry says who is sent to again, nil to leave it.
	Retry *Again
	// Force has the brakes hold the job up no more: one that waits for the end of
	// quiet hours is due now.
	Force bool
	// Unpark makes a parked job due now.
	Unpark bool
	// Recompose has the message made again: a template or a text may have been
	// corrected. Asked, if not nil, replaces what the POST had asked for.
	Recompose bool
	Asked     *Asked
	// AskedBefore, if not nil, is what Asked replaces: ErrLost if it is
	// something else by now.
	AskedBefore *Asked
	// Message, if not nil, replaces the message, and gets a version.
	Message *Message
	// After, if not nil, is the activity of the job's account by which the command
	// was decided: ErrOvertaken if another job of it was accepted since.
	After *Activity
}

// Request is the body of POST /v1/jobs after parsing: every field has the
// right type, nothing more is checked.
type Request struct {
	ActID       ActID
	AppID       AppID
	Audience    Audience // "" = the channel's
	AccessToken Token
	ExpiresIn   time.Duration // seconds left of AccessToken; 0 = unknown
	Asked       Asked
	Deadline    int64 // unix seconds; 0 = default
	Rate        int
	Continue    bool
	Restart     bool
	// Job is the job that Continue or Restart is about, as a person has seen it; ""
	// is whichever is there.
	Job JobID
	// First is how many recipients are attempted before the job waits for a person;
	// nil leaves it to the channel.
	First *int
	// Force has the reminder sent although a brake of the account forbids it.
	Force  bool
	DryRun bool
}

// RetryRequest is the body of POST /v1/jobs/{id}/retry.
type RetryRequest struct {
	// AcceptDuplicates also retries the recipients whose outcome is unknown:
	// some of them may get the message twice.
	AcceptDuplicates bool
	// Deadline in unix seconds; 0 keeps the job's, which must not be past.
	Deadline int64
}

// Patch is the body of PATCH /v1/jobs/{id}; nil leaves a field as it is.
type Patch struct {
	Rate     *int   // messages/s, 0 = none
	Deadline *int64 // unix seconds
	Edit     Edit   // of a paused job
}

// Outcome says what a POST came to.
type Outcome struct {
	Job      Job
	Existing bool // the job was there before
}

// Estimate is the answer to a dry run.
type Estimate struct {
	Audience        Audience
	Total           *int64 // of the audience
	Message         *Message
	QuotaRemain     *int64
	EstimateSeconds *int64
	Problems        []Problem
}

// Change is a value that may be changed: To counts if Set.
type Change[T any] struct {
	Set bool
	To  T
}

// Edit is a correction of what a job sends. A change to the zero value takes
// back what was asked for: the owner's texts, or the channel, say it then.
type Edit struct {
	TemplateID  Change[TemplateID]
	URL         Change[string]
	MiniProgram Change[*MiniProgram]
	// Data changes some fields and leaves the others; a field that becomes nil
	// is left out.
	Data Change[map[string]*string]
}

// Empty says that nothing is changed.
func (e Edit) Empty() bool {
	return !e.TemplateID.Set && !e.URL.Set && !e.MiniProgram.Set && !e.Data.Set
}
