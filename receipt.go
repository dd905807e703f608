package pushd

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Receipt is what WeChat says became of a message that it had accepted. The
// numbers are stored: of two receipts for one recipient the larger one counts.
type Receipt uint8

// The receipts. Delivered wins over everything: WeChat has been seen to report a
// failure after it. There is room for others in between.
const (
	NoReceipt           Receipt = 0
	ReceiptOther        Receipt = 1 // failed for a reason that is not known here
	ReceiptSystemFailed Receipt = 4
	ReceiptFreqLimit    Receipt = 6  // the recipient got too many messages from the account
	ReceiptBlocked      Receipt = 10 // the recipient refuses messages of the account
	ReceiptDelivered    Receipt = 15
)

// AllReceipts lists the receipts, the best first.
var AllReceipts = []Receipt{ReceiptDelivered, ReceiptBlocked, ReceiptFreqLimit, ReceiptSystemFailed, ReceiptOther}

// String is the receipt's name in the API; "" for NoReceipt.
func (r Receipt) String() string {
	switch r {
	case NoReceipt:
		return ""
	case ReceiptSystemFailed:
		return "system_failed"
	case ReceiptFreqLimit:
		return "freq_limit"
	case ReceiptBlocked:
		return "blocked"
	case ReceiptDelivered:
		return "delivered"
	}
	return "other"
}

// Undelivered says that the message did not arrive although the recipient does not
// block the account.
func (r Receipt) Undelivered() bool {
	return r != NoReceipt && r != ReceiptBlocked && r != ReceiptDelivered
}

// ParseReceipt reads the Status of TEMPLATESENDJOBFINISH. Blanks do not count:
// WeChat writes "failed:user block" and "failed: system failed".
// Source: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html
func ParseReceipt(status string) Receipt {
	switch strings.ToLower(strings.Join(strings.Fields(status), "")) {
	case "success":
		return ReceiptDelivered
	case "failed:userblock":
		return ReceiptBlocked
	case "failed:freqlimit":
		return ReceiptFreqLimit
	case "failed:systemfailed":
		return ReceiptSystemFailed
	}
	return ReceiptOther
}

// Reported is a receipt as WeChat reports it: of an account and a recipient, and
// not of a job.
type Reported struct {
	AppID   AppID
	OpenID  OpenID
	At      Time // when WeChat made the report, by its clock
	Receipt Receipt
	// Signed says that WeChat's signature vouches for it, with the token of the
	// account's callback of this version; else whoever has a key does.
	Signed  bool
	Version int
}

// ReceiptCounts counts recipients by their receipts.
type ReceiptCounts struct {
	Delivered, Blocked, FreqLimit, SystemFailed, Other int64
}

// Add counts n recipients more with a receipt.
func (c *ReceiptCounts) Add(r Receipt, n int64) {
	switch r {
	case NoReceipt:
	case ReceiptDelivered:
		c.Delivered += n
	case ReceiptBlocked:
		c.Blocked += n
	case ReceiptFreqLimit:
		c.FreqLimit += n
	case ReceiptSystemFailed:
		c.SystemFailed += n
	default:
		c.Other += n
	}
}

// Plus is the sum of both.
func (c ReceiptCounts) Plus(d ReceiptCounts) ReceiptCounts {
	return ReceiptCounts{c.Delivered + d.Delivered, c.Blocked + d.Blocked, c.FreqLimit + d.FreqLimit, c.SystemFailed + d.SystemFailed, c.Other + d.Other}
}

// Of is how many recipients have a receipt.
func (c ReceiptCounts) Of(r Receipt) int64 {
	switch r {
	case NoReceipt:
		return 0
	case ReceiptDelivered:
		return c.Delivered
	case ReceiptBlocked:
		return c.Blocked
	case ReceiptFreqLimit:
		return c.FreqLimit
	case ReceiptSystemFailed:
		return c.SystemFailed
	}
	return c.Other
}

// Undelivered is how many recipients did not get the message and do not block the
// account.
func (c ReceiptCounts) Undelivered() int64 { return c.FreqLimit + c.SystemFailed + c.Other }

// All is how many recipients have a receipt at all.
func (c ReceiptCounts) All() int64 { return c.Delivered + c.Blocked + c.Undelivered() }

// PageReceipts holds the receipts of a page's recipients, four bits for each, the
// first recipient in the low ones of the first byte. It may be shorter than the
// page: there are none behind its end.
type PageReceipts []byte

// Of is the receipt of the recipient at index.
func (p PageReceipts) Of(index int) Receipt {
	if index < 0 || index/2 >= len(p) {
		return NoReceipt
	}
	return Receipt(p[index/2]>>(index%2*4)) & 0xf
}

// Merge returns p with the receipts of found added, and what the counts gain by
// that. What is there already, or is less than what is there, changes nothing.
func (p PageReceipts) Merge(found []IndexedReceipt) (merged PageReceipts, gain ReceiptCounts) {
	merged = slices.Clone(p)
	for _, f := range found {
		old := merged.Of(f.Index)
		if f.Index < 0 || f.Index >= PageSize || f.Receipt <= old {
			continue
		}
		for len(merged) <= f.Index/2 {
			merged = append(merged, 0)
		}
		shift := f.Index % 2 * 4
		merged[f.Index/2] = merged[f.Index/2]&^(0xf<<shift) | byte(f.Receipt&0xf)<<shift
		gain.Add(old, -1)
		gain.Add(f.Receipt, 1)
	}
	return merged, gain
}

// IndexedReceipt is the receipt of the recipient at an index of a page.
type IndexedReceipt struct {
	Index   int
	Receipt Receipt
}

// FoundReceipts are receipts of recipients on one page of a job.
type FoundReceipts struct {
	Page     int // from 1
	Receipts []IndexedReceipt
}

// ReceiptsFor is how long after a job's last send receipts are taken for its own.
const ReceiptsFor = 30 * time.Minute

// SentJob is a job that a receipt may belong to.
type SentJob struct {
	ID        JobID
	StartedAt Time
	LastSent  Time // the present while it sends
	Pages     int
	PassAt    Time // another one means another list
}

// Receipts is the part of the ledger for what WeChat says of accepted messages.
type Receipts interface {
	// SentJobs lists the newest jobs of an account that have begun and whose
	// recipients are on record, the one that was made last first.
	SentJobs(ctx context.Context, app AppID) ([]SentJob, error)
	// SentPages lists the pages of a job on which anyone may have been sent to, the
	// last first.
	SentPages(ctx context.Context, id JobID) ([]int, error)
	// SaveReceipts merges receipts into a job's pages and its sums, in one
	// transaction, and returns what the sums have gained. Whatever is repeated
	// gains nothing. ErrNotFound: the job, or what was kept of its recipients, is
	// gone.
	SaveReceipts(ctx context.Context, id JobID, pages []FoundReceipts) (gain ReceiptCounts, err error)
	// CloseReceipts writes the event EventReceipts for jobs that have got receipts
	// and none for a while, and says for how many; once for each, unless others
	// come. It takes a handful at a time.
	CloseReceipts(ctx context.Context, quiet time.Duration) (closed int, err error)
}

// Recipient is what is known of one recipient of a job.
type Recipient struct {
	Person
	Receipt Receipt
}

// ReceiptsEvent is what is left when a job's receipts are in.
func ReceiptsEvent(id JobID, c ReceiptCounts) Event {
	e := Event{Job: id, Kind: EventReceipts, Figures: map[string]int64{}}
	for _, r := range AllReceipts {
		e.Figures[r.String()] = c.Of(r)
	}
	return e
}

// ReceiptStats counts the receipts that a process has taken since it started.
type ReceiptStats struct {
	Saved     map[Receipt]uint64 // recipients whose receipt was written
	Repeated  uint64             // said nothing new
	Unmatched uint64             // belong to no recipient of a job
	Renewed   uint64             // signed with a token that is not the account's any more
	Refused   uint64             // there was no room for
	Lost      uint64             // were answered and not written before a stop
	Waiting   int                // are not written yet
}
