package store

import (
	"context"

	"pushd"
)

// Note writes an event down. See pushd.Events.
func (s *Store) Note(ctx context.Context, e pushd.Event) error { return s.events.Note(ctx, e) }

// Events lists events. See pushd.Events.
func (s *Store) Events(ctx context.Context, f pushd.EventFilter) (events []pushd.Event, next string, err error) {
	return s.events.List(ctx, f)
}
