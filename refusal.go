package pushd

import (
	"context"
	"errors"
	"time"
)

// OpenIDMax is how many bytes of an openid can be remembered. WeChat's have 28.
const OpenIDMax = 128

// ErrNoRefusals says that the database lets no refusal be written or read, and
// that asking again does not help: a right to the table is missing.
var ErrNoRefusals = errors.New("refusals can't be remembered")

// Refusals is the part of the ledger that remembers who refuses an account's
// messages: one row for each recipient, with the template that was refused last.
// Who refuses one may accept another.
type Refusals interface {
	// Refuse remembers that recipients have refused a template now. ErrNoRefusals.
	Refuse(ctx context.Context, appID AppID, id TemplateID, who []OpenID) error
	// Refused gives those of some recipients who have refused the template within a
	// time. ErrNoRefusals.
	Refused(ctx context.Context, appID AppID, id TemplateID, within time.Duration, who []OpenID) ([]OpenID, error)
	// DropRefusal has a recipient asked again; it says whether a refusal was
	// remembered.
	DropRefusal(ctx context.Context, appID AppID, who OpenID) (was bool, err error)
	// PurgeRefusals removes some refusals that are older than t, and says whether
	// there are more.
	PurgeRefusals(ctx context.Context, t Time) (more bool, err error)
}
