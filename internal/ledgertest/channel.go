package ledgertest

import (
	"context"

	"pushd"
)

// Channel reads a channel. See pushd.Channels.
func (l *Memory) Channel(_ context.Context, id pushd.ActID) (pushd.Channel, error) {
	l.begin()
	defer l.Unlock()
	if ch := l.Channels[id]; ch != nil {
		return *ch, nil
	}
	return pushd.Channel{}, pushd.ErrNotFound
}

// Texts reads what the owner wrote for a template. See pushd.Channels.
func (l *Memory) Texts(_ context.Context, appID pushd.AppID, id pushd.TemplateID) (pushd.Texts, error) {
	l.begin()
	defer l.Unlock()
	if t, there := l.texts[textKey{appID, id}]; there {
		return t, nil
	}
	return pushd.Texts{TemplateID: id}, pushd.ErrNotFound
}

// SaveTexts stores what the owner wrote for a template, in place of what was
// there.
func (l *Memory) SaveTexts(_ context.Context, appID pushd.AppID, t pushd.Texts) error {
	l.begin()
	defer l.Unlock()
	l.texts[textKey{appID, t.TemplateID}] = stored(t)
	return nil
}
