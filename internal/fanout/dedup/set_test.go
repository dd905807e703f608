package dedup

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
	"pushd/internal/retry"
)

// ids are the openids of followers from and up to.
func ids(from, to int) (out []pushd.OpenID) {
	for i := from; i < to; i++ {
		out = append(out, pushd.OpenID(fmt.Sprintf("o%07d", i)))
	}
	return out
}

// stored makes a ledger with one job on whose pages people are.
func stored(t *testing.T, pages ...[]pushd.OpenID) (*Set, *ledgertest.Memory) {
	l := ledgertest.NewMemory()
	job, err := l.Create(t.Context(), pushd.Job{ActID: 1, AppID: "wx1", Deadline: 1 << 60})
	if err == nil {
		job, err = l.Claim(t.Context(), pushd.Owner{Instance: "i", Boot: "b"}, job.ID, time.Hour)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, people := range pages {
		if err := l.StorePage(t.Context(), job.Lease(), pushd.Page{No: i + 1, OpenIDs: people}, pushd.Walk{Pages: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	s := New(l, job.ID, retry.Retrier{}, 10)
	t.Cleanup(s.Close)
	if err := s.Load(t.Context(), len(pages)); err != nil {
		t.Fatal(err)
	}
	return s, l
}

func TestSet_Fresh(t *testing.T) {
	for _, full := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := stored(t, []pushd.OpenID{"oA", "oB"}, []pushd.OpenID{"oC", "oD"}, []pushd.OpenID{"oE"})
			if full { // the filter is certain of nobody any more
				for i := range s.words {
					s.words[i] = ^uint64(0)
				}
			}
			got, err := s.Fresh(t.Context(), []pushd.OpenID{"oa", "oD", "oX", "", "oX", "oC", "oA ", "oE", "o\nY", "oAB", "oZ"}, 3)
			want := []pushd.OpenID{"oa", "oX", "oA ", "oAB", "oZ"}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("filter full %v: %q, %v; want %q", full, got, err, want)
			}
		})
	}
}

// The memory grows when more people come than WeChat told of, and forgets
// nobody.
func TestSet_Grows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stored(t, ids(0, 2000))
		before := len(s.words)
		got, err := s.Fresh(t.Context(), ids(1000, 8000), 1)
		if err != nil || !slices.Equal(got, ids(2000, 8000)) {
			t.Fatalf("%d are new, %v; want 6000", len(got), err)
		}
		if len(s.words) <= before {
			t.Errorf("the filter has still %d words", len(s.words))
		}
	})
}

// A total beyond reason must not be paid for in memory.
func TestSet_TotalThatLies(t *testing.T) {
	s := New(ledgertest.NewMemory(), "j", retry.Retrier{}, 1<<50)
	defer s.Close()
	if bytes := len(s.words) * 8; bytes > 64<<20 {
		t.Errorf("the filter takes %d bytes", bytes)
	}
}
