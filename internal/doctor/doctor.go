// Package doctor is "pushd check": it looks at everything that pushd serve
// depends on, and says what is wrong and what to do about it.
package doctor

import (
	"context"
	"io"

	"pushd/internal/settings"
)

// Options say what is looked at.
type Options struct {
	settings.Settings
	// AppID is the account to ask a token for, and to ask WeChat about; "" asks
	// neither.
	AppID string
	// ActID is the channel to read, and to name to the token endpoint; 0 is
	// none.
	ActID int64
	// Webhook sends a test message.
	Webhook bool
	// Warnings are about settings that are usable all the same.
	Warnings []string
}

// Check prints one line per finding, and says whether pushd serve would work. It
// changes nothing but a row of its own in pushd_template, which it removes. It listens on
// the address of the API for an instant.
func Check(ctx context.Context, w io.Writer, o Options) (good bool) {
	r := &report{w: w}
	r.ok("settings", "usable")
	for _, warning := range o.Warnings {
		r.warn("settings", "%s", warning)
	}
	if o.StateDir == "" {
		r.warn("state", settings.NoStateDir)
	}
	o.listen(ctx, r)
	o.database(ctx, r)
	o.outside(ctx, r)
	o.webhook(ctx, r)
	return !r.failed
}
