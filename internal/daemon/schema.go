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

// How often the tables are looked at, and how often the rights to them. A right that a
// call was denied is looked for at once, unless such a look has just found none missing.
const (
	schemaSoon  = 2 * time.Second  // until they can be worked on
	schemaEvery = 15 * time.Second // to notice that a newer pushd changes them
	rightsEvery = 10 * time.Minute
)

// schema knows whether the tables are those of this program, and whether it may work on
// them: pushd may be started before it is migrated, and go on running while a newer one
// is.
type schema struct {
	version atomic.Pointer[string] // what is wrong with it; nil = not looked at yet
	needed  atomic.Pointer[string] // the rights that are missing without which there is no work
	rest    atomic.Pointer[string] // the others that are missing
	now     chan struct{}          // a look is wanted at once; of 1

	tried time.Time // when all rights were last tried; only the goroutine that looks has it
}

func newSchema() *schema {
	s, none := &schema{now: make(chan struct{}, 1)}, ""
	s.needed.Store(&none)
	s.rest.Store(&none)
	return s
}

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
func (s *schema) lacking() string { return *s.rest.Load() }

// wrong says what keeps this program from working on the tables; "" = nothing.
func (s *schema) wrong() string {
	if text := s.version.Load(); text != nil {
		return cmp.Or(*text, *s.needed.Load())
	}
	return "not looked at yet"
}

// tables is what tells version and rights; *store.Store.
type tables interface {
	Migrated(ctx context.Context) (bool, error)
	Lacking(ctx context.Context) (needed, rest []string, err error)
}

// watch looks at the tables until ctx ends.
func (s *schema) watch(ctx context.Context, t tables, log *slog.Logger) {
	doubted := false // the look is for a call that was denied
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
		doubts, wait := s.now, schemaEvery
		if wrong != "" {
			wait = schemaSoon
		}
		if doubted && now == "" {
			doubts = nil // what it was denied is none of what is tried: not again at once
		}
		doubted = false
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-doubts:
			doubted = true
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
	text := ""
	switch ok, err := t.Migrated(ctx); {
	case err != nil && s.good() && !errors.Is(err, migrate.ErrNewer):
		return
	case err != nil:
		text = err.Error() // no database, or tables of a newer program
	case !ok:
		text = "the tables are not there or not up to date; run pushd migrate"
	default:
		s.tryRights(ctx, t)
	}
	s.version.Store(&text)
}

// good says whether the version was right when it was last looked at.
func (s *schema) good() bool {
	text := s.version.Load()
	return text != nil && *text == ""
}

// tryRights tries the rights, where one is missing or it is time. If not all could be
// tried, that says nothing; the next look tries again.
func (s *schema) tryRights(ctx context.Context, t tables) {
	if *s.needed.Load() == "" && *s.rest.Load() == "" && time.Since(s.tried) < rightsEvery {
		return
	}
	needed, rest, err := t.Lacking(ctx)
	if err != nil {
		return
	}
	s.tried = time.Now()
	work, more := store.Lacks(needed...), store.Lacks(rest...)
	s.needed.Store(&work)
	s.rest.Store(&more)
}
