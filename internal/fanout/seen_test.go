package fanout

import (
	"slices"
	"testing"
	"testing/synctest"

	"pushd"
	"pushd/internal/retry"
)

// stored makes a ledger with one job on whose pages people are.
func stored(t *testing.T, pages ...[]pushd.OpenID) (*seen, *fakeLedger) {
	l := newFakeLedger()
	r := claimed(t, l, nil, pushd.Walk{})
	for i, people := range pages {
		if err := l.StorePage(t.Context(), r.job.Lease(), pushd.Page{No: i + 1, OpenIDs: people}, pushd.Walk{Pages: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	s := newSeen(l, r.job.ID, r.retry, 10)
	t.Cleanup(s.close)
	if err := s.load(t.Context(), len(pages)); err != nil {
		t.Fatal(err)
	}
	return s, l
}

func TestSeen_Fresh(t *testing.T) {
	for _, full := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := stored(t, []pushd.OpenID{"oA", "oB"}, []pushd.OpenID{"oC", "oD"}, []pushd.OpenID{"oE"})
			if full { // the filter is certain of nobody any more
				for i := range s.words {
					s.words[i] = ^uint64(0)
				}
			}
			got, err := s.fresh(t.Context(), []pushd.OpenID{"oa", "oD", "oX", "", "oX", "oC", "oA ", "oE", "o\nY", "oAB", "oZ"}, 3)
			want := []pushd.OpenID{"oa", "oX", "oA ", "oAB", "oZ"}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("filter full %v: %q, %v; want %q", full, got, err, want)
			}
		})
	}
}

// The memory grows when more people come than WeChat told of, and forgets
// nobody.
func TestSeen_Grows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stored(t, ids(0, 2000))
		before := len(s.words)
		got, err := s.fresh(t.Context(), ids(1000, 8000), 1)
		if err != nil || !slices.Equal(got, ids(2000, 8000)) {
			t.Fatalf("%d are new, %v; want 6000", len(got), err)
		}
		if len(s.words) <= before {
			t.Errorf("the filter has still %d words", len(s.words))
		}
	})
}

// A total beyond reason must not be paid for in memory.
func TestSeen_TotalThatLies(t *testing.T) {
	s := newSeen(newFakeLedger(), "j", retry.Retrier{}, 1<<50)
	defer s.close()
	if bytes := len(s.words) * 8; bytes > 64<<20 {
		t.Errorf("the filter takes %d bytes", bytes)
	}
}
