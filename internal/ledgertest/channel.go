package ledgertest

import (
	"context"
	"slices"

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

// Subscribers reads a page of those who asked for a channel's stream. See
// pushd.Channels.
func (l *Memory) Subscribers(_ context.Context, id pushd.ActID, after pushd.OpenID, limit int) (page pushd.FollowerPage, err error) {
	l.begin()
	defer l.Unlock()
	asked := l.Subscribed[id]
	at, found := slices.BinarySearch(asked, after)
	if found {
		at++
	}
	page.OpenIDs = slices.Clone(asked[at:min(len(asked), at+limit)])
	if len(page.OpenIDs) == limit {
		page.Next = page.OpenIDs[limit-1]
	}
	return page, nil
}

// Subscribe is the platform's: an openid asks for a channel's stream.
func (l *Memory) Subscribe(id pushd.ActID, who pushd.OpenID) {
	l.begin()
	defer l.Unlock()
	if at, found := slices.BinarySearch(l.Subscribed[id], who); !found {
		l.Subscribed[id] = slices.Insert(slices.Clone(l.Subscribed[id]), at, who)
	}
}

// Unsubscribe takes that back.
func (l *Memory) Unsubscribe(id pushd.ActID, who pushd.OpenID) {
	l.begin()
	defer l.Unlock()
	if at, found := slices.BinarySearch(l.Subscribed[id], who); found {
		l.Subscribed[id] = slices.Delete(slices.Clone(l.Subscribed[id]), at, at+1)
	}
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
