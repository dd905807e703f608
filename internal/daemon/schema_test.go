package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd/internal/migrate"
)

// version is what a database says of its tables.
type version struct {
	ok           atomic.Bool
	err          atomic.Pointer[error]
	needed, rest atomic.Pointer[[]string] // rights that are missing; nil = none
	looks, tries atomic.Int64             // at the version; at the rights
	cut          atomic.Bool              // not all rights can be tried
}

func (v *version) Migrated(context.Context) (bool, error) {
	v.looks.Add(1)
	if err := v.err.Load(); err != nil {
		return false, *err
	}
	return v.ok.Load(), nil
}

func (v *version) Lacking(context.Context) (needed, rest []string, err error) {
	if v.tries.Add(1); v.cut.Load() {
		return nil, nil, context.DeadlineExceeded
	}
	if lacks := v.needed.Load(); lacks != nil {
		needed = *lacks
	}
	if lacks := v.rest.Load(); lacks != nil {
		rest = *lacks
	}
	return needed, rest, nil
}

func (v *version) fails(err error) { v.err.Store(&err) }

// Tables that are not there yet are waited for; a database that is away does
// not take them back; those of a newer program do.
func TestSchema_Watch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchema()
		v := &version{}
		expect := func(when, want string) {
			t.Helper()
			time.Sleep(schemaEvery + time.Second)
			if got := s.wrong(); !strings.Contains(got, want) || (got == "") != (want == "") {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		if s.wrong() == "" {
			t.Error("ready before the first look")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		v.fails(errors.New("connection refused"))
		go s.watch(ctx, v, slog.New(slog.DiscardHandler))
		expect("no database", "connection refused")
		v.err.Store(nil)
		expect("not migrated", "run pushd migrate")
		v.ok.Store(true)
		expect("migrated", "")
		v.fails(errors.New("connection refused"))
		expect("no database later", "")
		v.fails(fmt.Errorf("version 99: %w", migrate.ErrNewer))
		expect("a newer program", "version 99")
		v.err.Store(nil)
		expect("taken back", "")
		if n := v.looks.Load(); n > 60 {
			t.Errorf("%d looks", n)
		}
	})
}

// A right that a call was denied is missed at once, any other with a look after ten
// minutes; one that is given again is seen soon. While nothing is missing they are hardly
// tried, also where a call is denied what is none of them, and a try that is cut short
// says nothing.
func TestSchema_Rights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := newSchema(), &version{}
		v.ok.Store(true)
		expect := func(when string, within time.Duration, wrong, lacking string) {
			t.Helper()
			time.Sleep(within + time.Second) // synctest's: a look is due by then
			for _, c := range []struct{ what, got, want string }{{"wrong", s.wrong(), wrong}, {"lacking", s.lacking(), lacking}} {
				if !strings.Contains(c.got, c.want) || (c.got == "") != (c.want == "") {
					t.Errorf("%s: %s %q, want %q", when, c.what, c.got, c.want)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.watch(ctx, v, slog.New(slog.DiscardHandler))
		expect("all are there", 0, "", "")
		v.needed.Store(&[]string{"INSERT on pushd_job", "UPDATE on pushd_page"})
		s.doubt()
		expect("a call was denied", 0, "lacks INSERT on pushd_job, UPDATE on pushd_page", "")
		s.doubt()
		v.cut.Store(true)
		expect("not all can be tried", schemaSoon, "lacks INSERT on pushd_job, UPDATE on pushd_page", "")
		v.needed.Store(nil)
		v.cut.Store(false)
		expect("given again", schemaSoon, "", "")
		v.rest.Store(&[]string{"DELETE on pushd_receipt"})
		s.doubt()
		expect("a call that no job needs was denied", 0, "", "lacks DELETE on pushd_receipt")
		v.rest.Store(nil)
		expect("given again, too", schemaEvery, "", "")
		before := v.tries.Load()
		v.rest.Store(&[]string{"DELETE on pushd_job"})
		expect("no call was denied", rightsEvery+schemaEvery, "", "lacks DELETE on pushd_job")
		if n := v.tries.Load() - before; n > 2 {
			t.Errorf("rights were tried %d times in ten minutes", n)
		}
		v.rest.Store(nil)
		expect("given again in the end", schemaEvery, "", "")
		before = v.tries.Load()
		for range 600 {
			s.doubt()
			time.Sleep(100 * time.Millisecond) // synctest's: 600 denied calls in a minute
		}
		if n := v.tries.Load() - before; n > 5 {
			t.Errorf("for a call that is denied something else, rights were tried %d times in a minute", n)
		}
	})
}
