package pushd

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Audience is who gets a job's message: everyone who follows the account, those
// who carry one of its tags, or those who asked for this stream.
type Audience string

// The audiences; that of a tag is made by TagAudience.
const (
	// AudienceFollowers is everyone who follows the account; so is "".
	AudienceFollowers Audience = "followers"
	// AudienceSubscribers are those whom PUSHD_AUDIENCE_QUERY lists.
	AudienceSubscribers Audience = "subscribers"
)

// tagPrefix begins the audience of a tag.
const tagPrefix = "tag:"

// TagIDMax is the highest id that a tag may have.
const TagIDMax = math.MaxInt32

// TagAudience are the followers who carry a tag of the account's.
func TagAudience(id int64) Audience { return Audience(tagPrefix + strconv.FormatInt(id, 10)) }

// Or is the audience, or other where none is named.
func (a Audience) Or(other Audience) Audience {
	switch {
	case a != "":
		return a
	case other != "":
		return other
	}
	return AudienceFollowers
}

// Tag is the tag of an audience; ok is false for the other kinds.
func (a Audience) Tag() (id int64, ok bool) {
	text, ok := strings.CutPrefix(string(a), tagPrefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && id <= TagIDMax && TagAudience(id) == a
}

// NoOpenIDs says why so many rows of the platform's are no list of subscribers.
func NoOpenIDs(rows int) string {
	return fmt.Sprintf("PUSHD_AUDIENCE_QUERY gives %d rows, none of which is an openid: are there blanks or line breaks round it, or the padding of a BINARY column?", rows)
}

// Listed says that WeChat lists the audience, by a token of the account.
func (a Audience) Listed() bool { return a != AudienceSubscribers }

var errAudience = fmt.Errorf("must be %s, %s, or %sID with the id of a tag of the account", AudienceFollowers, AudienceSubscribers, tagPrefix)

// ParseAudience reads an audience as requests and channels name it. An empty
// text names none.
func ParseAudience(text string) (Audience, error) {
	a := Audience(text)
	if _, tag := a.Tag(); tag || a == "" || a == AudienceFollowers || a == AudienceSubscribers {
		return a, nil
	}
	return "", errAudience
}

// AudienceError says that an audience can't be listed now, for a reason that
// asking again does not help: PUSHD_AUDIENCE_QUERY is not set, the database
// refuses it, or what it gives can't be used.
type AudienceError struct{ Text string }

func (e *AudienceError) Error() string { return e.Text }

// BadAudience returns the AudienceError in err, or nil.
func BadAudience(err error) *AudienceError {
	bad, _ := errors.AsType[*AudienceError](err)
	return bad
}

// Tag is a label that an account has put on some of its followers.
type Tag struct {
	ID    int64
	Name  string
	Count int64 // followers who carry it, as WeChat counts them
}
