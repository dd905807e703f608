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
	Brakes        Brakes
	Audience      Audience // "" = everyone
}

// MovedFrom says that the channel has another start than was.
func (c Channel) MovedFrom(was int64) bool {
	return was != 0 && c.StartTime != 0 && c.StartTime != was
}

// AsksAgain says that the platform has moved the start and put the status back
// to 0: it asks for a reminder of the new start. A start that moved without
// that is followed by the job at work.
func (c Channel) AsksAgain(was int64) bool {
	return c.MovedFrom(was) && c.Status != nil && *c.Status == StatusNotNotified
}
