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
	"pushd/internal/store"
)

// version is what a database says of its tables.
type version struct {
	ok    atomic.Bool
	err   atomic.Pointer[error]
	looks atomic.Int64
	lacks atomic.Pointer[[]string]
}

func (v *version) Migrated(context.Context) (bool, error) {
	v.looks.Add(1)
	if err := v.err.Load(); err != nil {
		return false, *err
	}
	return v.ok.Load(), nil
}

func (v *version) Lacking(context.Context) []string {
	if lacks := v.lacks.Load(); lacks != nil {
		return *lacks
	}
	return nil
}

func (v *version) fails(err error) { v.err.Store(&err) }

// Tables that are not there yet are waited for; a database that is away does
// not take them back; those of a newer program do.
func TestSchema_Watch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s schema
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
		v.fails(fmt.Errorf("%w it lacks INSERT on pushd_job", store.ErrDenied))
		expect("a right was taken away", "INSERT on pushd_job")
		v.err.Store(nil)
		expect("given again", "")
		v.lacks.Store(&[]string{"DELETE on pushd_receipt"})
		expect("one that no job needs", "")
		if got := s.lacking(); !strings.Contains(got, "lacks DELETE on pushd_receipt") {
			t.Errorf("lacks %q", got)
		}
		v.lacks.Store(nil)
		expect("given again, too", "")
		if got := s.lacking(); got != "" {
			t.Errorf("still lacks %q", got)
		}
		if n := v.looks.Load(); n > 60 {
			t.Errorf("%d looks", n)
		}
	})
}
