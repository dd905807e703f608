package refusal

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
	"pushd/internal/retry"
)

// What one run learns, the next one of the account knows, for the same template.
func TestMemory(t *testing.T) {
	ledger := ledgertest.NewMemory()
	run := func(within time.Duration) *Memory {
		return New(ledger, retry.Retrier{Log: slog.New(slog.DiscardHandler)}, "wx1", within)
	}
	ctx := context.Background()
	among := func(m *Memory, id pushd.TemplateID) (refused []pushd.OpenID) {
		t.Helper()
		who := []pushd.OpenID{"a", "b", "c"}
		is, err := m.Among(ctx, id, who)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(who, func(one pushd.OpenID) bool { return !is(one) })
	}
	first := run(time.Hour)
	first.Note("a")
	first.Note(pushd.OpenID(strings.Repeat("x", pushd.OpenIDMax+1))) // fits into no row, so it is asked again
	first.Note("c")
	noted := first.Take()
	if !slices.Equal(noted, []pushd.OpenID{"a", "c"}) || first.Take() != nil {
		t.Fatalf("noted %v", noted)
	}
	if err := first.Store(ctx, "t", noted); err != nil {
		t.Fatal(err)
	}
	if got := among(run(time.Hour), "t"); !slices.Equal(got, noted) {
		t.Errorf("the next run knows %v, want %v", got, noted)
	}
	if got := among(run(time.Hour), "another"); len(got) != 0 {
		t.Errorf("of another template: %v", got)
	}
	off := run(0)
	off.Note("b")
	if got := among(off, "t"); off.Take() != nil || len(got) != 0 || off.Store(ctx, "t", noted) != nil {
		t.Errorf("switched off, and yet %v", got)
	}
}

// withoutRights is a ledger that the database keeps from its table.
type withoutRights struct{ pushd.Refusals }

func (withoutRights) Refuse(context.Context, pushd.AppID, pushd.TemplateID, []pushd.OpenID) error {
	return fmt.Errorf("%w: no right", pushd.ErrNoRefusals)
}

func (withoutRights) Refused(context.Context, pushd.AppID, pushd.TemplateID, time.Duration, []pushd.OpenID) ([]pushd.OpenID, error) {
	return nil, fmt.Errorf("%w: no right", pushd.ErrNoRefusals)
}

// What can't be remembered keeps no message from anyone, and is said once.
func TestMemory_WithoutRights(t *testing.T) {
	var log strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m := New(withoutRights{}, retry.Retrier{Log: slog.New(slog.NewTextHandler(&log, nil))}, "wx1", time.Hour)
	for range 3 {
		is, err := m.Among(ctx, "t", []pushd.OpenID{"a"})
		if err != nil || is("a") {
			t.Fatalf("among: %v", err)
		}
		if err := m.Store(ctx, "t", []pushd.OpenID{"a"}); err != nil {
			t.Fatalf("store: %v", err)
		}
	}
	if n := strings.Count(log.String(), "pushd_refusal"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}
