package daemon

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"pushd/internal/migrate"
	"pushd/internal/store"
)

// How often the tables are looked at, and how often the rights to them: a right that
// a call is denied is looked for at once.
const (
	schemaSoon  = 2 * time.Second  // until they can be worked on
	schemaEvery = 15 * time.Second // to notice that a newer pushd changes them
	rightsEvery = 10 * time.Minute
)

// schema knows whether the tables are those of this program, and whether it may work on
// them: pushd may be started before it is migrated, and go on running while a newer one
// is.
type schema struct {
	text  atomic.Pointer[string]
	lacks atomic.Pointer[string]
	now   chan struct{} // a look is wanted at once; of 1
	tried time.Time     // when the rights were last looked at; of who looks
}

func newSchema() *schema { return &schema{now: make(chan struct{}, 1)} }

// doubt asks for a look at once: a call was denied a right. Where one is known to be
// missing, the next look is near.
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

// tables is what tells version and rights; *store.Store.
type tables interface {
	Migrated(ctx context.Context) (bool, error)
	Lacking(ctx context.Context) (needed, rest []string)
}

// watch looks at the tables until ctx ends.
func (s *schema) watch(ctx context.Context, t tables, log *slog.Logger) {
	for said := ""; ctx.Err() == nil; {
		s.look(ctx, t)
		wrong, lacking := s.wrong(), s.lacking()
		now := cmp.Or(wrong, lacking)
		switch {
		case ctx.Err() != nil, now == said:
		case wrong != "":
			log.Warn("not ready to work", "reason", wrong)
		case lacking != "":
			log.Warn("not all of the database's rights are there", "reason", lacking)
		default:
			log.Info("ready to work: the tables are those of this version")
		}
		said = now
		wait := schemaEvery
		if wrong != "" {
			wait = schemaSoon
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-s.now:
			s.tried = time.Time{}
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
	case err != nil && s.wrong() == "" && !errors.Is(err, migrate.ErrNewer):
		return
	case err != nil:
		text = err.Error() // no database, or tables of a newer program
	case !ok:
		text = "the tables are not there or not up to date; run pushd migrate"
	case s.wrong() != "" || s.lacking() != "" || time.Since(s.tried) >= rightsEvery:
		s.tried = time.Now()
		needed, rest := t.Lacking(ctx)
		if len(needed) > 0 {
			text = store.Lacks(needed...)
		}
		if len(rest) > 0 {
			lacks = store.Lacks(rest...)
		}
	}
	s.text.Store(&text)
	s.lacks.Store(&lacks)
}
