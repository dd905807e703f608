package daemon

import (
	"context"
	"errors"
	"slices"

	"pushd"
	"pushd/internal/alarm"
)

// Secrets are what a running daemon can be given in place of what it was started
// with.
type Secrets struct {
	DSN      string      // of the same database, by another user or password
	Keys     []pushd.Key // of the API
	TokenURL string
	TokenKey string
	Hook     alarm.Hook
	Callback string // from which the tokens of WeChat's callbacks derive
}

// Reload puts other secrets in place of those in use, and reads the files of the
// certificate again. No send, no request and no connection that is under way is
// broken off. It says what has changed; what can't be used is in the error, and
// leaves what there was. It is for one caller at a time.
func (d *Daemon) Reload(ctx context.Context, next Secrets) (changed []string, err error) {
	now := &d.secrets
	var errs []error
	note := func(what string, err error) bool {
		if err != nil {
			errs = append(errs, err)
			return false
		}
		changed = append(changed, what)
		return true
	}
	if !slices.Equal(next.Keys, now.Keys) {
		d.api.SetKeys(next.Keys)
		if d.console != nil {
			d.console.SetKeys(next.Keys)
		}
		now.Keys = next.Keys
		note("keys", nil)
	}
	if next.TokenURL != now.TokenURL || next.TokenKey != now.TokenKey {
		if note("token endpoint", d.tokens.SetEndpoint(next.TokenURL, next.TokenKey)) {
			now.TokenURL, now.TokenKey = next.TokenURL, next.TokenKey
		}
	}
	if next.Hook != now.Hook && d.courier != nil {
		d.courier.SetHook(next.Hook)
		now.Hook = next.Hook
		note("webhook", nil)
	}
	if next.Callback != now.Callback {
		d.api.SetCallbackSecret(next.Callback)
		now.Callback = next.Callback
		note("callback secret", nil)
	}
	if next.DSN != now.DSN {
		if note("database", d.store.Login(ctx, next.DSN)) {
			now.DSN = next.DSN
		}
	}
	if d.certificate.cert != "" {
		if is, err := d.certificate.read(); is || err != nil {
			note("certificate", err)
		}
	}
	return changed, errors.Join(errs...)
}
