package readback

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pushd"
	"pushd/internal/retry"
)

// ledger has one page.
type ledger struct {
	pushd.Pages
	row   pushd.Progress
	text  string
	reads int
}

func (l *ledger) Progress(_ context.Context, _ pushd.JobID, from, to int) ([]pushd.Progress, error) {
	l.reads++
	if from > 1 || to < 1 {
		return nil, nil
	}
	return []pushd.Progress{l.row}, nil
}

func (l *ledger) People(_ context.Context, _ pushd.JobID, page, offset, limit int) ([]byte, error) {
	if l.reads++; page != l.row.Page {
		return nil, pushd.ErrNotFound
	}
	text := l.text[min(offset, len(l.text)):]
	return []byte(text[:min(limit, len(text))]), nil
}

func reader(l *ledger) *Reader {
	return &Reader{
		Ledger: l, Lease: pushd.Lease{Job: "j", Epoch: 7}, Written: NewWritten(), Claimed: 1,
		Retry: retry.Retrier{Log: slog.New(slog.DiscardHandler), Jitter: retry.NewJitter(rand.New(rand.NewPCG(1, 2))), Failures: &atomic.Uint64{}},
	}
}

// Reads that are older than the claim, or than what it has recorded, are known
// for what they are; what is known of a list that was dropped is not held
// against the next.
func TestReader_Stale(t *testing.T) {
	r := reader(nil)
	row := pushd.Progress{Page: 1, People: 2, Mark: 1, Epoch: 7}
	stale := func(row pushd.Progress, want bool, why string) {
		t.Helper()
		if r.stale([]pushd.Progress{row}) != want {
			t.Errorf("%s: stale is %v", why, !want)
		}
	}
	stale(row, false, "nothing was recorded")
	older := row
	older.Epoch = 6
	stale(older, true, "read before the claim")
	written := row
	written.Outcomes = pushd.EncodePersons(nil, []pushd.Person{{State: pushd.Refused, Code: 40241, Defers: 1}})
	r.Written.Recorded([]pushd.Progress{written})
	stale(row, true, "read before a record that settled no recipient")
	stale(written, false, "as recorded")
	r.Written.Forget()
	stale(row, false, "another list")
}

// What this claim has made of a page, and is not there for long, is forgotten;
// a page that no one has stored is merely not there.
func TestReader_Progress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{row: pushd.Progress{Page: 1, Epoch: 7}}
		r := reader(l)
		if rows, err := r.Progress(t.Context(), 1, 1); err != nil || len(rows) != 1 || l.reads != 1 {
			t.Errorf("%d rows, %v after %d reads", len(rows), err, l.reads)
		}
		if _, err := r.Progress(t.Context(), 1, 2); !errors.Is(err, ErrForgotten) {
			t.Errorf("a page of this claim is missing: %v", err)
		}
		r.Claimed = 2
		if _, err := r.Progress(t.Context(), 1, 2); !errors.Is(err, pushd.ErrNotFound) {
			t.Errorf("a page of an earlier claim is missing: %v", err)
		}
		r.Written.Recorded([]pushd.Progress{{Page: 1, Mark: 1, Epoch: 7}})
		if _, err := r.Progress(t.Context(), 1, 1); !errors.Is(err, ErrForgotten) || l.reads < 5 {
			t.Errorf("a record is missing: %v after %d reads", err, l.reads)
		}
	})
}

func TestReader_OpenIDs(t *testing.T) {
	long := strings.Repeat("o", SomeBytes-2)
	l := &ledger{row: pushd.Progress{Page: 1}, text: long + "\nb\nc\n"}
	r, row := reader(l), pushd.Progress{Page: 1, People: 3}
	want := []pushd.OpenID{pushd.OpenID(long), "b", "c"}
	if all, err := r.OpenIDs(t.Context(), row); err != nil || !slices.Equal(all, want) {
		t.Errorf("%d openids, %v", len(all), err)
	}
	first, next, err := r.Some(t.Context(), row, 0)
	if err != nil || !slices.Equal(first, want[:1]) || next != SomeBytes-1 {
		t.Errorf("%d openids, the next at %d, %v", len(first), next, err)
	}
	if rest, end, err := r.Some(t.Context(), row, next); err != nil || !slices.Equal(rest, want[1:]) || end != len(l.text) {
		t.Errorf("the rest is %q up to %d, %v", rest, end, err)
	}
	var damaged *Damaged
	if _, err := r.OpenIDs(t.Context(), pushd.Progress{Page: 1, People: 4}); !errors.As(err, &damaged) || damaged.Page != 1 {
		t.Errorf("a page with too few: %v", err)
	}
	if _, _, err := r.Some(t.Context(), row, len(l.text)); !errors.As(err, &damaged) {
		t.Errorf("a page that ends too early: %v", err)
	}
}

// Recipients of a page that this claim has stored, and that is not there for long, are
// forgotten with it; of a page that was there before, the ledger is damaged.
func TestReader_ForgottenPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reader(&ledger{row: pushd.Progress{Page: 5}})
		for page, forgotten := range map[int]bool{1: false, 2: true} {
			if _, err := r.OpenIDs(t.Context(), pushd.Progress{Page: page, People: 2}); err == nil || errors.Is(err, ErrForgotten) != forgotten {
				t.Errorf("page %d: %v", page, err)
			}
			if _, _, err := r.Some(t.Context(), pushd.Progress{Page: page, People: 2}, 0); err == nil || errors.Is(err, ErrForgotten) != forgotten {
				t.Errorf("some of page %d: %v", page, err)
			}
		}
	})
}
