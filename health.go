package pushd

import "time"

// Level is how well a part of pushd does.
type Level string

// The levels of /healthz. Down is answered with 503, and only if the database
// has taken no write for 10 s, the tables are not migrated, or a running job
// has recorded no outcome for 60 s.
const (
	OK       Level = "ok"
	Degraded Level = "degraded"
	Down     Level = "down"
)

// Health is how the daemon does, part by part.
type Health struct {
	Status   Level
	Draining bool
	Parts    []HealthPart
}

// HealthPart is one part of Health. Name is one of database, schema, jobs,
// ledger, hold, token_endpoint, host, drain and only_openids. Text is to be read and may
// name accounts and errors: it is shown only to those who have a key.
type HealthPart struct {
	Name   string
	Status Level
	Text   string
}

// Stats are the engine's counters since the process started, for /metrics.
// They carry no names of accounts, jobs or recipients.
type Stats struct {
	Answers         map[Verdict]uint64 // answers to sends, by verdict
	Retries         uint64             // sends beyond a person's first
	Pages, People   uint64             // walked
	SendSeconds     Histogram          // time to an answer
	LedgerWrites    uint64             // progress statements
	LedgerErrors    uint64             // ledger calls that failed and were repeated
	LedgerSeconds   Histogram          // time of a progress write
	InFlight        int                // sends without an answer yet
	Concurrency     int                // the sum of the accounts' current limits
	Jobs            map[State]int      // jobs held by this process, by state
	JobsAtRisk      int                // running ones that will be done after their deadline
	JobsEnded       map[State]uint64   // jobs ended by this process
	LedgerBytes     int64              // what the ledger takes in the database; 0 = not known
	LastWrite       time.Time          // when the database last took a write; by this machine's clock
	RefusedBefore   uint64             // recipients skipped without being asked, who had refused the template
	NotOnList       uint64             // the same, who are not on the staging list
	LeasesLost      uint64
	StatusCorrected uint64 // live_notify_status corrected by the reconciler
	StatusErrors    uint64 // times that live_notify_status could not be written
}

// Minute is what WeChat answered to the sends of one process in one minute.
type Minute struct {
	At      time.Time // when it began
	Answers [VerdictCount]uint64
}

// Total is how many answers there were.
func (m Minute) Total() (sum uint64) {
	for _, n := range m.Answers {
		sum += n
	}
	return sum
}

// Histogram is a snapshot of a distribution: Counts[i] values were at most
// Bounds[i] seconds; they are cumulative, as Prometheus has them.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Count  uint64
	Sum    float64
}
