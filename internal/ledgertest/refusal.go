package ledgertest

import (
	"context"
	"time"

	"pushd"
)

// refuser is a recipient of an account.
type refuser struct {
	app pushd.AppID
	who pushd.OpenID
}

// refused is which template one has refused last, and when.
type refused struct {
	id pushd.TemplateID
	at pushd.Time
}

// Refuse remembers who has refused. See pushd.Refusals.
func (l *Memory) Refuse(_ context.Context, appID pushd.AppID, id pushd.TemplateID, who []pushd.OpenID) error {
	now := l.begin()
	defer l.Unlock()
	for _, one := range who {
		l.refusals[refuser{appID, one}] = refused{id, now}
	}
	return nil
}

// Refused gives those who have refused. See pushd.Refusals.
func (l *Memory) Refused(_ context.Context, appID pushd.AppID, id pushd.TemplateID, within time.Duration, who []pushd.OpenID) (all []pushd.OpenID, err error) {
	now := l.begin()
	defer l.Unlock()
	for _, one := range who {
		if r, there := l.refusals[refuser{appID, one}]; there && r.id == id && r.at > now.Add(-within) {
			all = append(all, one)
		}
	}
	return all, nil
}

// DropRefusal has a recipient asked again. See pushd.Refusals.
func (l *Memory) DropRefusal(_ context.Context, appID pushd.AppID, who pushd.OpenID) (bool, error) {
	l.begin()
	defer l.Unlock()
	_, there := l.refusals[refuser{appID, who}]
	delete(l.refusals, refuser{appID, who})
	return there, nil
}

// PurgeRefusals removes old refusals. See pushd.Refusals.
func (l *Memory) PurgeRefusals(_ context.Context, t pushd.Time) (bool, error) {
	l.begin()
	defer l.Unlock()
	for of, r := range l.refusals {
		if r.at < t {
			delete(l.refusals, of)
		}
	}
	return false, nil
}
