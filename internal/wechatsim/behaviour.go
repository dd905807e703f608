package wechatsim

import "time"

// Behaviour is how an account behaves, changeable at any time with
// Account.Tune. Counts of 0 mean "no limit".
type Behaviour struct {
	Latency      Latency // of sends
	PageLatency  Latency // of user/get and user/tag/get
	OtherLatency Latency // of all other calls

	// InFlightLimit is a hidden limit: a send that finds that many others
	// being served is answered -1, in the way that Refusing says.
	InFlightLimit int
	// SendsPerSecond is a hidden limit of another kind: what comes beyond
	// it is answered -1. What does not come is saved up for SendsSaved.
	SendsPerSecond float64
	SendsSaved     time.Duration
	// Refusing is how that answer is given.
	Refusing Refusing
	// LimitAccepts is the share of those that is accepted all the same.
	LimitAccepts float64
	// SlowBeyond makes latency grow in proportion with what is in flight
	// beyond it, as a queue does.
	SlowBeyond int
	// LateShare is the share of sends that take effect at the end of their
	// latency, and so not at all if the caller has gone by then; the
	// others take effect on arrival.
	LateShare float64

	// DedupWindow is how long a client_msg_id is recognised.
	DedupWindow time.Duration
	// RepeatCode is the answer to a client_msg_id that was seen already.
	RepeatCode int
	// RepeatOtherID: with RepeatCode 0, the answer has another msgid.
	RepeatOtherID bool
	// DuplicateWindow: a second message to an openid within it, whatever
	// its client_msg_id, is answered 40241. 0: off.
	DuplicateWindow time.Duration
	// FrequentFor is how long those who answer 43117 go on doing so, from
	// the first send to them. 0: for ever.
	FrequentFor time.Duration
	// NoMsgID is the share of good answers without msgid.
	NoMsgID float64
	// StaleDelay makes the answer to a bad token come later.
	StaleDelay time.Duration
	// RefuseEscapes: a body with \u escapes is answered 40033.
	RefuseEscapes bool
	// MiniPrograms are the appids bound to the account; another one is
	// answered 40013. Empty: all are.
	MiniPrograms []string

	SendsPerDay    int // beyond: 45009
	SendsPerMinute int // beyond: 45011
	PagesPerDay    int // calls of user/get; beyond: 45009
	TagPagesPerDay int // calls of user/tag/get; beyond: 45009
	// TagOffset is added to the counts that tags/get gives.
	TagOffset int

	// TokenLife is how long a token lives.
	TokenLife time.Duration

	Walk Walk
}

// Walk is how user/get and user/tag/get behave.
type Walk struct {
	PageSize int // at most that many on a page
	// LastEmpty: the last page with followers says next_openid "".
	LastEmpty bool
	// TotalOffset is added to the total that is given.
	TotalOffset int
	// Gone is what a cursor does whose follower left.
	Gone GoneCursor
	// Leave and Join are how many leave and join after each page.
	Leave, Join int
	// LeaveCursor: after each page the one whom the cursor names leaves.
	LeaveCursor bool
	// Faults are pages that are wrong.
	Faults []PageFault
}

// GoneCursor is what a cursor does whose follower left. WeChat does not say.
type GoneCursor string

// The three possible behaviours of a cursor whose follower left.
const (
	GonePosition GoneCursor = ""      // it still marks the place
	GoneEmpty    GoneCursor = "empty" // an empty page
	GoneError    GoneCursor = "40003" // invalid openid
)

// PageFault makes some pages wrong: the calls From to To of user/get and
// user/tag/get on the account, counted from 1 and from when the fault was set. To 0 is From; -1
// is for ever.
type PageFault struct {
	From, To int
	Kind     PageKind
}

// PageKind is how a page is wrong.
type PageKind string

// The ways in which a page can be wrong.
const (
	PageRepeat  PageKind = "repeat"  // the page before again, with its cursor
	PageOverlap PageKind = "overlap" // half of the page before, then on
	PageEmpty   PageKind = "empty"   // no openids, and no cursor: looks like the end
	PageHollow  PageKind = "hollow"  // no openids, but a cursor
	PageLoop    PageKind = "loop"    // the right openids; the cursor leads back to page 2
	PageBlank   PageKind = "blank"   // an empty openid among the others
	PageShort   PageKind = "short"   // a third of a page
)

// Default is how an account behaves unless set otherwise: as WeChat is
// documented, in no time.
func Default() Behaviour {
	return Behaviour{
		LateShare:   0.5,
		DedupWindow: 10 * time.Minute,
		PagesPerDay: 500,
		TokenLife:   2 * time.Hour,
		Walk:        Walk{PageSize: 10000},
	}
}
