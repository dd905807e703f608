package pushd

import (
	"context"
	"strings"
)

// EventKind is what happened; a stable word for programs.
type EventKind string

// The kinds of events.
const (
	EventAccepted  EventKind = "accepted"    // by a POST
	EventClaimed   EventKind = "claimed"     // a process works on the job
	EventMessage   EventKind = "message"     // a version of the message was made, or corrected
	EventToken     EventKind = "token"       // the job goes on with another access token
	EventWalked    EventKind = "walked"      // the list of followers is complete
	EventParked    EventKind = "parked"      // Reason says what it waits for
	EventPaused    EventKind = "paused"      // as are those below, by a person; or, with a reason, by the job itself
	EventResumed   EventKind = "resumed"     // also by a POST that brought a token
	EventChanged   EventKind = "changed"     // rate, deadline, or that the brakes do not hold it up
	EventCanceled  EventKind = "canceled"    // for good
	EventContinued EventKind = "continued"   // an ended job goes on
	EventRetried   EventKind = "retried"     // with those who failed
	EventEnded     EventKind = "ended"       // with State, Reason and sums
	EventReceipts  EventKind = "receipts"    // what WeChat says of the accepted messages, when no more of it comes
	EventHeld      EventKind = "held"        // an account, or everything, was held
	EventLifted    EventKind = "lifted"      // that hold was lifted
	EventWentBack  EventKind = "ledger_back" // the ledger went back; its jobs are held one by one
)

// Event is something that has happened to a job, or to an account.
type Event struct {
	ID    int64 // grows; only for telling events apart
	At    Time
	Job   JobID // "" where it is an account's, or everything's
	AppID AppID // "" where it is everything's
	Kind  EventKind
	By    Actor
	State State // of EventEnded
	// Reason is a job's, where the kind has one. Detail is to be read.
	Reason Reason
	Detail string
	// Figures are what can be counted, by name: sent, skipped, failed, unknown
	// and walked of an end, the deadline in unix seconds, and so on.
	Figures map[string]int64
	// Times is how often it has happened, and Last when last. Of what a job does
	// again and again the first are kept one by one and the others are counted
	// with the last of them.
	Times int
	Last  Time
}

// EventsOfAKind is how many events of one kind and reason a job keeps one by one,
// and an account within an hour.
const EventsOfAKind = 20

// EventFilter chooses events for a list.
type EventFilter struct {
	Job   JobID // "" = of all
	AppID AppID // "" = of all
	Since Time
	// Settled leaves out what happened in the last second: another event of that
	// time may still be on its way, and whoever goes on behind this one would
	// miss it.
	Settled bool
	Limit   int
	Cursor  string // of the list before
}

// Events is the part of the ledger about what has happened. Events that come with
// a change are written together with it; none keeps a change from being made.
type Events interface {
	// Note writes an event down that comes with no other change.
	Note(ctx context.Context, e Event) error
	// Events lists events, the oldest first. next is where to go on, "" if there
	// was none. ErrCursor.
	Events(ctx context.Context, f EventFilter) (events []Event, next string, err error)
}

// SumsOf are the figures of an end.
func SumsOf(c Counts, walked int64) map[string]int64 {
	return map[string]int64{
		"walked": walked, "sent": c.Sent, "skipped": c.Skipped, "failed": c.Failed, "unknown": c.Unknown, "retries": c.Retries, "inDoubt": c.InDoubt,
	}
}

// Event is what a command leaves behind; nil if nothing.
func (c Command) Event(id JobID) *Event {
	if c.Kind == "" {
		return nil
	}
	e := &Event{Job: id, Kind: c.Kind, Reason: c.Reason, Detail: c.Detail, Figures: map[string]int64{}}
	if c.Deadline != 0 {
		e.Figures["deadline"] = int64(c.Deadline) / 1e6
	}
	if c.Rate != nil {
		e.Figures["rate"] = int64(*c.Rate)
	}
	return e
}

// Complete adds to the event of a command what is known of the job after it.
func (e *Event) Complete(j Job) {
	e.AppID = j.AppID
	switch {
	case e.Kind == EventCanceled:
		e.State, e.Figures = j.State, SumsOf(j.Counts, j.Walk.Walked)
	case e.Kind == EventMessage:
		e.Figures["version"] = int64(j.MessageVersion)
	}
}

// AcceptedEvent is what a new job leaves behind.
func AcceptedEvent(j Job) Event {
	figures := map[string]int64{"actid": int64(j.ActID), "run": int64(j.Run), "deadline": int64(j.Deadline) / 1e6}
	e := Event{Job: j.ID, AppID: j.AppID, Kind: EventAccepted, Reason: j.Reason, Detail: j.Detail, Figures: figures}
	if a := j.Audience.Or(""); a != AudienceFollowers {
		e.Detail = strings.TrimSuffix("audience "+string(a)+"; "+e.Detail, "; ")
	}
	return e
}

// ClaimedEvent is what a claim leaves behind.
func ClaimedEvent(j Job) Event {
	return Event{Job: j.ID, AppID: j.AppID, Kind: EventClaimed, By: Actor(j.Owner.Instance),
		Figures: map[string]int64{"epoch": j.Epoch, "walked": j.Walk.Walked, "settled": j.Counts.Settled()}}
}

// ParkedEvent is what a park leaves behind.
func ParkedEvent(id JobID, p Parking) Event {
	if p.Pause {
		return Event{Job: id, Kind: EventPaused, Reason: p.Reason, Detail: p.Detail}
	}
	return Event{Job: id, Kind: EventParked, Reason: p.Reason, Detail: p.Detail, Figures: map[string]int64{"until": int64(p.Until) / 1e6}}
}

// MessageEvent is what a new version of a job's message leaves behind.
func MessageEvent(id JobID, version int) Event {
	return Event{Job: id, Kind: EventMessage, Figures: map[string]int64{"version": int64(version)}}
}

// WalkedEvent is what a complete walk leaves behind.
func WalkedEvent(id JobID, w Walk) Event {
	e := Event{Job: id, Kind: EventWalked, Figures: map[string]int64{"pages": int64(w.Pages), "walked": w.Walked, "pass": int64(w.Pass)}}
	if w.Total != nil {
		e.Figures["total"] = *w.Total
	}
	return e
}

// HeldEvent is what a new hold leaves behind.
func HeldEvent(h Hold) Event {
	e := Event{AppID: h.AppID, Kind: EventHeld, By: h.By, Detail: h.Reason, Figures: map[string]int64{"stopped": int64(h.Stopped)}}
	if h.Code != 0 {
		e.Figures["errcode"] = int64(h.Code)
	}
	return e
}

// LiftedEvent is what is left when a hold is lifted.
func LiftedEvent(h Hold) Event {
	return Event{AppID: h.AppID, Kind: EventLifted, Detail: "was held: " + h.Reason, Figures: map[string]int64{}}
}

// WentBackEvent is what is left when the ledger went back and its jobs are held.
func WentBackEvent(b StepBack, held int) Event {
	return Event{Kind: EventWentBack, Detail: b.Detail, Figures: map[string]int64{"held": int64(held)}}
}
