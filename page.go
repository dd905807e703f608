package pushd

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// PageSize is the most that one answer of user/get lists, and the most
// recipients a page holds.
const PageSize = 10000

// Page is a stored page of followers: who they are, once and for all.
type Page struct {
	No      int // from 1
	OpenIDs []OpenID
}

// PersonState is what became of one person so far.
type PersonState uint8

// The seven states of a person.
const (
	// Untouched: nothing was sent, unless the page's Mark says that it may
	// have been.
	Untouched PersonState = iota
	// Refused: asked, and definitely not accepted; may be sent again.
	Refused
	// InDoubt: may or may not have been accepted.
	InDoubt
	// PersonSent and the following are outcomes: the person is settled.
	PersonSent
	// PersonSkipped can't or won't receive it.
	PersonSkipped
	// PersonFailed did not get it; a retry may change that.
	PersonFailed
	// PersonUnknown may have got it, and may not be asked for again.
	PersonUnknown
)

var personStateNames = [...]string{"untouched", "refused", "in_doubt", "sent", "skipped", "failed", "unknown"}

func (s PersonState) String() string {
	if int(s) >= len(personStateNames) {
		return "invalid"
	}
	return personStateNames[s]
}

// Settled says that the person has an outcome.
func (s PersonState) Settled() bool { return s >= PersonSent }

// Person is one person's entry in the ledger.
type Person struct {
	State  PersonState
	Defers uint8 // how often WeChat asked to try later (40241, 43117)
	// Code is the last answer's code, 0 for the untouched; of who got the
	// message the version they got, 0 = not known.
	Code int32
}

// Progress is what became of the recipients of one page. It is absolute: writing
// it twice changes nothing.
type Progress struct {
	Page   int
	People int // how many the page holds
	// Mark is the watermark: the recipients before it may have been sent to.
	// It is committed before they are.
	Mark int
	// DoubtAt is a lower bound of when anyone was sent to who is in doubt
	// (InDoubt, or untouched before Mark); 0 when there is none.
	DoubtAt Time
	// Outcomes holds every Person of the page, see EncodePersons.
	Outcomes []byte
	Counts   Counts
	// Epoch is that of the claim which may write it. A read that shows another
	// one is older than the claim. Record takes the lease's.
	Epoch int64
}

// Done says that everyone on the page is settled.
func (p Progress) Done() bool { return p.Counts.Settled() == int64(p.People) }

// EncodePersons packs the recipients of a page as runs of equal entries. A run is
// uvarint(length<<3 | tag), then for every tag but Untouched and PersonSent
// varint(code), then for Refused and InDoubt uvarint(defers). The tag is the
// state; sentVersion stands for PersonSent with a code. Untouched recipients at the
// end are left out, so a page on which nothing happened is empty, and a page of
// 10,000 with 1 % skipped about 0.7 KB.
func EncodePersons(dst []byte, people []Person) []byte {
	end := len(people)
	for end > 0 && people[end-1] == (Person{}) {
		end--
	}
	for i := 0; i < end; {
		p, n := people[i], 1
		for i+n < end && people[i+n] == p {
			n++
		}
		i += n
		tag := p.State
		if tag == PersonSent && p.Code != 0 {
			tag = sentVersion
		}
		dst = binary.AppendUvarint(dst, uint64(n)<<3|uint64(tag))
		if tag != Untouched && tag != PersonSent {
			dst = binary.AppendVarint(dst, int64(p.Code))
		}
		if p.State == Refused || p.State == InDoubt {
			dst = binary.AppendUvarint(dst, uint64(p.Defers))
		}
	}
	return dst
}

// sentVersion is how PersonSent is written where the version of the message is
// known.
const sentVersion = PersonUnknown + 1

var errOutcomes = errors.New("outcomes are damaged")

// DecodePersons is the opposite of EncodePersons for a page of n recipients.
// Damaged input is an error, never a panic.
func DecodePersons(b []byte, n int) ([]Person, error) {
	if n < 0 || n > PageSize {
		return nil, fmt.Errorf("decode outcomes of %d recipients: %w", n, errOutcomes)
	}
	people := make([]Person, n)
	at := 0
	uvarint := func() (v uint64, ok bool) {
		v, w := binary.Uvarint(b)
		if w <= 0 {
			return 0, false
		}
		b = b[w:]
		return v, true
	}
	for len(b) > 0 {
		head, ok := uvarint()
		length := head >> 3
		tag := PersonState(head & 7)
		p := Person{State: tag}
		if tag == sentVersion {
			p.State = PersonSent
		}
		if !ok || length == 0 || length > uint64(n-at) {
			return nil, fmt.Errorf("decode outcomes at person %d: %w", at, errOutcomes)
		}
		if tag != Untouched && tag != PersonSent {
			code, w := binary.Varint(b)
			if w <= 0 || int64(int32(code)) != code {
				return nil, fmt.Errorf("decode outcomes at person %d: %w", at, errOutcomes)
			}
			p.Code, b = int32(code), b[w:]
		}
		if p.State == Refused || p.State == InDoubt {
			defers, ok := uvarint()
			if !ok || defers > 255 {
				return nil, fmt.Errorf("decode outcomes at person %d: %w", at, errOutcomes)
			}
			p.Defers = uint8(defers)
		}
		for range length {
			people[at] = p
			at++
		}
	}
	return people, nil
}
