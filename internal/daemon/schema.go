package daemon

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"pushd/internal/migrate"
	"pushd/internal/store"
)

// How often the version of the tables is looked at.
const (
	schemaSoon  = 2 * time.Second  // until they are there
	schemaEvery = 15 * time.Second // to notice that a newer pushd changes them
)

// schema knows whether the tables are those of this program: pushd may be
// started before it is migrated, and go on running while a newer one is.
type schema struct {
	text  atomic.Pointer[string]
	lacks atomic.Pointer[string]
	now   chan struct{} // a look is wanted at once; of 1
}

// doubt asks for a look at once, where all seemed well: a call was denied something.
func (s *schema) doubt() {
	if s.wrong() != "" || s.lacking() != "" {
		return
	}
	select {
	case s.now <- struct{}{}:
	default:
	}
}

// lacking says which rights are missing without which this program works all the
// same; "" = none.
func (s *schema) lacking() string {
	if text := s.lacks.Load(); text != nil {
		return *text
	}
	return ""
}

// wrong says what keeps this program from working on the tables; "" = nothing.
func (s *schema) wrong() string {
	if text := s.text.Load(); text != nil {
		return *text
	}
	return "not looked at yet"
}

// tables is what tells the version; *store.Store.
type tables interface {
	Migrated(ctx context.Context) (bool, error)
	Lacking(ctx context.Context) []string
}

// watch looks at the tables until ctx ends.
func (s *schema) watch(ctx context.Context, t tables, log *slog.Logger) {
	for said := ""; ctx.Err() == nil; {
		s.look(ctx, t)
		now := s.wrong()
		if now == "" {
			now = s.lacking()
		}
		switch {
		case ctx.Err() != nil, now == said:
		case s.wrong() == "" && now != "":
			log.Warn("not all of the database's rights are there", "reason", now)
		case now == "":
			log.Info("ready to work: the tables are those of this version")
		default:
			log.Warn("not ready to work", "reason", now)
		}
		said = now
		wait := schemaEvery
		if now != "" {
			wait = schemaSoon
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-s.now:
		}
	}
}

// first takes a look before anybody asks, for as long as it may keep them
// waiting.
func (s *schema) first(ctx context.Context, t tables) {
	ctx, cancel := context.WithTimeout(ctx, schemaSoon)
	defer cancel()
	s.look(ctx, t)
}

// look takes one look. A database that does not answer says nothing about
// tables that have been seen.
func (s *schema) look(ctx context.Context, t tables) {
	text, lacks := "", ""
	switch ok, err := t.Migrated(ctx); {
	case err != nil && s.wrong() == "" && !errors.Is(err, migrate.ErrNewer) && !errors.Is(err, store.ErrDenied):
		return
	case err != nil:
		text = err.Error() // no database, or tables of a newer program
	case !ok:
		text = "the tables are not there or not up to date; run pushd migrate"
	}
	if text == "" {
		if missing := t.Lacking(ctx); len(missing) > 0 {
			lacks = "the database's user lacks " + strings.Join(missing, ", ") + "; give it the rights of docs/operations.md"
		}
	}
	s.text.Store(&text)
	s.lacks.Store(&lacks)
}
