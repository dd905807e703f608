package pushd

// Channel is what the platform's tables say about a channel. Pointers are
// nil where the query gave NULL.
type Channel struct {
	ActID         ActID
	UIN           string // the owner, as the platform writes it; "" = unknown
	AppID         AppID  // "" = unknown
	Title         string
	StartTime     int64 // unix seconds; 0 = unknown
	WatchURL      string
	TemplateID    TemplateID
	ConfigEnabled *bool
	LiveNotify    *bool
	NotifyMinutes *int64 // live_notify_time
	Status        *int   // live_notify_status
}

// The platform's live_notify_status. StatusFailed is a setting
// (PUSHD_STATUS_FAILED), so it is not among them.
const (
	StatusNotNotified = 0
	StatusNotifying   = 1
	StatusDone        = 2
)
