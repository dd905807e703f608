package pushd

import (
	"context"
	"fmt"
	"time"
)

// AlarmKind says what an alarm is about: a stable word for programs.
type AlarmKind string

// The kinds of alarms.
const (
	AlarmEndedBadly     AlarmKind = "ended_badly"
	AlarmParked         AlarmKind = "parked_long"
	AlarmOnHold         AlarmKind = "on_hold"
	AlarmDeadlineAtRisk AlarmKind = "deadline_at_risk"
	AlarmQuotaShort     AlarmKind = "quota_short"
	AlarmHostSilent     AlarmKind = "host_silent"
	AlarmTest           AlarmKind = "test"
)

// Alarm is a message to the operators that waits in the ledger until the webhook has
// taken it.
type Alarm struct {
	// Key says what it is about, and is the alarm's identity: what goes on being
	// so is sent once.
	Key    string    `json:"key"`
	Kind   AlarmKind `json:"kind"`
	Job    JobID     `json:"jobId,omitempty"`
	ActID  ActID     `json:"actid,omitempty"`
	AppID  AppID     `json:"appid,omitempty"`
	State  State     `json:"state,omitempty"`
	Reason Reason    `json:"reason,omitempty"`
	Text   string    `json:"text"` // to be read
	At     Time      `json:"-"`    // when it was raised
	Tries  int       `json:"-"`    // how often it was taken to be sent
}

// AlarmFacts is what the ledger knows of a job that may be worth an alarm.
type AlarmFacts struct {
	Job
	WaitingSince Time // since when no message flows; 0 = some do
}

// When something is worth an alarm.
const (
	ParkedLong   = 10 * time.Minute
	HostSilent   = 5 * time.Minute
	AlarmsEnded  = time.Hour // how long after its end a job that ended badly is found
	AlarmsAtOnce = 1000      // most that are looked for at once
)

// Alarms lists what is worth an alarm about a job at a time.
func (f *AlarmFacts) Alarms(now Time) (all []Alarm) {
	add := func(kind AlarmKind, mark any, text string) {
		all = append(all, Alarm{Key: fmt.Sprintf("%s/%s/%v", kind, f.ID, mark), Kind: kind, Job: f.ID, ActID: f.ActID, AppID: f.AppID,
			State: f.State, Reason: f.Reason, Text: text})
	}
	what := fmt.Sprintf("job %s of channel %d", f.ID, f.ActID)
	switch {
	case f.State == Failed || f.State == Expired:
		add(AlarmEndedBadly, f.FinishedAt, fmt.Sprintf("%s ended %s (%s): %s", what, f.State, f.Reason, f.Detail))
		return all
	case f.State.Ended():
		return nil
	}
	if f.State == Parked && f.Reason != InQuietHours && f.WaitingSince != 0 && now.Sub(f.WaitingSince) >= ParkedLong {
		add(AlarmParked, f.WaitingSince, fmt.Sprintf("%s has been parked since %s (%s): %s", what, stamp(f.WaitingSince), f.Reason, f.Detail))
	}
	if f.State != Running && (f.ParkedUntil >= f.Deadline || f.Deadline <= now.Add(LateWithin)) {
		all = append(all, f.AtRisk(fmt.Sprintf("it is %s", f.State)))
	}
	if f.Shortfall != nil && *f.Shortfall > 0 {
		add(AlarmQuotaShort, f.CreatedAt, fmt.Sprintf("%s has %d more recipients than account %s has quota left", what, *f.Shortfall, f.AppID))
	}
	return all
}

// AtRisk is the alarm that a job will not be through by its deadline.
func (j *Job) AtRisk(why string) Alarm {
	return Alarm{Key: fmt.Sprintf("%s/%s/%d", AlarmDeadlineAtRisk, j.ID, j.Deadline), Kind: AlarmDeadlineAtRisk, Job: j.ID, ActID: j.ActID, AppID: j.AppID,
		State: j.State, Reason: j.Reason, Text: fmt.Sprintf("job %s of channel %d will not be through by its deadline %s: %s", j.ID, j.ActID, stamp(j.Deadline), why)}
}

// Alarm is the alarm that something is held.
func (h Hold) Alarm() Alarm {
	return Alarm{Key: fmt.Sprintf("%s/%s/%d", AlarmOnHold, h.AppID, h.Since), Kind: AlarmOnHold, AppID: h.AppID, Text: h.String()}
}

// SilenceAlarm is the alarm that the host is silent; false if it is not, or was
// never heard of.
func SilenceAlarm(seen, now Time) (Alarm, bool) {
	if seen == 0 || now.Sub(seen) < HostSilent {
		return Alarm{}, false
	}
	return Alarm{Key: fmt.Sprintf("%s//%d", AlarmHostSilent, seen), Kind: AlarmHostSilent,
		Text: fmt.Sprintf("the host's cron was last heard of at %s: no reminder is posted", stamp(seen))}, true
}

// Alarms is the part of the ledger that holds alarms until they are sent.
type Alarms interface {
	// FindAlarms looks for what is worth an alarm, over all processes. It has
	// no text of its own about what it has found before.
	FindAlarms(ctx context.Context) ([]Alarm, error)
	// RaiseAlarms stores those of the alarms that are not there yet, and says how
	// many that were.
	RaiseAlarms(ctx context.Context, alarms []Alarm) (added int, err error)
	// TakeAlarms takes up to limit alarms that are due, the oldest first. Nobody
	// else gets them for a term.
	TakeAlarms(ctx context.Context, limit int, term time.Duration) ([]Alarm, error)
	// AlarmsSent notes that alarms were sent.
	AlarmsSent(ctx context.Context, alarms []Alarm) error
	// PutOffAlarms makes alarms that were taken due again after a while.
	PutOffAlarms(ctx context.Context, alarms []Alarm, after time.Duration) error
	// ForgetAlarms removes alarms that are older than keep, and says how many of
	// them were never sent.
	ForgetAlarms(ctx context.Context, keep time.Duration) (unsent int, err error)
}
