package pushd_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pushd"
)

func TestPageReceipts(t *testing.T) {
	var p pushd.PageReceipts
	p, gain := p.Merge([]pushd.IndexedReceipt{{Index: 0, Receipt: pushd.ReceiptBlocked}, {Index: 3, Receipt: pushd.ReceiptDelivered}, {Index: 1, Receipt: pushd.ReceiptOther}})
	if want := (pushd.ReceiptCounts{Blocked: 1, Delivered: 1, Other: 1}); gain != want {
		t.Errorf("gained %+v, want %+v", gain, want)
	}
	for i, want := range []pushd.Receipt{pushd.ReceiptBlocked, pushd.ReceiptOther, pushd.NoReceipt, pushd.ReceiptDelivered, pushd.NoReceipt, pushd.NoReceipt} {
		if got := p.Of(i); got != want {
			t.Errorf("recipient %d has %q, want %q", i, got, want)
		}
	}
	if p.Of(-1) != pushd.NoReceipt || len(p) != 2 {
		t.Errorf("the page takes %d bytes", len(p))
	}
	if q, gain := p.Merge([]pushd.IndexedReceipt{{Index: -1, Receipt: 15}, {Index: pushd.PageSize, Receipt: 15}}); gain != (pushd.ReceiptCounts{}) || !bytes.Equal(q, p) {
		t.Errorf("recipients who are not on the page gained %+v", gain)
	}
}

// Whatever the order, however often, and by how many: the page is the same, and so
// are the sums of what was gained.
func TestPageReceipts_OrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var all []pushd.IndexedReceipt
		for range 200 {
			all = append(all, pushd.IndexedReceipt{Index: rng.IntN(40), Receipt: pushd.AllReceipts[rng.IntN(len(pushd.AllReceipts))]})
		}
		var first pushd.PageReceipts
		var firstSum pushd.ReceiptCounts
		for try := range 4 {
			rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			var page pushd.PageReceipts
			var sum pushd.ReceiptCounts
			for at := 0; at < len(all); {
				n := min(1+rng.IntN(30), len(all)-at)
				again := max(0, at-rng.IntN(20))
				var gain pushd.ReceiptCounts
				page, gain = page.Merge(all[again : at+n])
				sum = sum.Plus(gain)
				at += n
			}
			if try == 0 {
				first, firstSum = page, sum
				continue
			}
			if !bytes.Equal(page, first) || sum != firstSum {
				t.Fatalf("seed %d: %v with %+v, then %v with %+v", seed, first, firstSum, page, sum)
			}
		}
	}
}
