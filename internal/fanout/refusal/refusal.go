// Package refusal keeps a job from asking recipients again who have refused its
// template lately, and remembers those who refuse it now.
package refusal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"pushd"
	"pushd/internal/retry"
)

// Memory is what one run knows and learns of the refusals of its account. A nil one
// knows nothing. Note and Take are for one goroutine, Among for another.
type Memory struct {
	ledger pushd.Refusals
	retry  retry.Retrier
	appID  pushd.AppID
	within time.Duration
	noted  []pushd.OpenID
	said   sync.Once // that nothing can be remembered
}

// New makes the memory of a run; nil if refusals are not remembered at all.
func New(l pushd.Refusals, r retry.Retrier, appID pushd.AppID, within time.Duration) *Memory {
	if within <= 0 {
		return nil
	}
	return &Memory{ledger: l, retry: r, appID: appID, within: within}
}

// Note notes that a recipient has refused just now.
func (m *Memory) Note(who pushd.OpenID) {
	if m != nil && len(who) <= pushd.OpenIDMax {
		m.noted = append(m.noted, who)
	}
}

// Take returns those who were noted since, for Store.
func (m *Memory) Take() (noted []pushd.OpenID) {
	if m == nil {
		return nil
	}
	noted, m.noted = m.noted, nil
	return noted
}

// Store remembers who has refused a template, before their outcomes are recorded:
// whoever is on a job's list as one who refused is remembered, whatever dies in
// between. Where the database refuses that, the job goes on without.
func (m *Memory) Store(ctx context.Context, id pushd.TemplateID, who []pushd.OpenID) error {
	if m == nil || len(who) == 0 {
		return nil
	}
	return m.without(m.retry.Do(ctx, "remember refusals", func(ctx context.Context) error {
		return m.ledger.Refuse(ctx, m.appID, id, who)
	}))
}

// Among says which of some recipients are not asked, because they have refused the
// template lately. Where the database refuses to tell, all are asked.
func (m *Memory) Among(ctx context.Context, id pushd.TemplateID, who []pushd.OpenID) (func(pushd.OpenID) bool, error) {
	var refused []pushd.OpenID
	if m != nil && len(who) > 0 {
		err := m.without(m.retry.Patiently(ctx, "read refusals", func(ctx context.Context) (err error) {
			refused, err = m.ledger.Refused(ctx, m.appID, id, m.within, who)
			return err
		}))
		if err != nil {
			return nil, err
		}
	}
	return func(one pushd.OpenID) bool { return slices.Contains(refused, one) }, nil
}

// without leaves out that refusals can't be remembered, and logs it once.
func (m *Memory) without(err error) error {
	if !errors.Is(err, pushd.ErrNoRefusals) {
		return err
	}
	m.said.Do(func() {
		m.retry.Log.Error("who refuses is not remembered, and is asked again; grant the rights on pushd_refusal", "err", err)
	})
	return nil
}
