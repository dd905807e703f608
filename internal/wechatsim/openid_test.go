package wechatsim

import (
	"slices"
	"testing"
)

func TestNaming_ThereAndBack(t *testing.T) {
	n := newNaming(7, testApp)
	seen := map[string]bool{}
	for _, i := range []int{0, 1, 2, 1023, 1024, 4_999_999, 1<<36 - 1} {
		id := n.append(nil, i)
		if len(id) != openidLen || id[0] != 'o' || seen[string(id)] {
			t.Fatalf("openid of %d is %q", i, id)
		}
		seen[string(id)] = true
		if back, ok := n.index(id); !ok || back != i {
			t.Errorf("%q is follower %d, %v; want %d", id, back, ok, i)
		}
		for k := range id {
			other := slices.Clone(id)
			other[k] ^= 1
			if back, ok := n.index(other); ok {
				t.Errorf("%q is taken for follower %d", other, back)
			}
		}
	}
}

func TestNaming_AccountsAndSeedsDiffer(t *testing.T) {
	a, b, c := newNaming(7, "wxa"), newNaming(7, "wxb"), newNaming(8, "wxa")
	id := a.append(nil, 5)
	if _, ok := b.index(id); ok {
		t.Error("another account knows the openid")
	}
	if _, ok := c.index(id); ok {
		t.Error("another seed knows the openid")
	}
}

func TestFollowers_GivenNames(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 5, OpenIDs: []string{"oAbc", "oabc"}})
	ids, _ := r.walk()
	if len(ids) != 5 || ids[0] != "oAbc" || ids[1] != "oabc" {
		t.Fatalf("list is %q", ids)
	}
	r.send("oabc", "job1")
	if got := r.acct.Missing("job1", 0); !slices.Equal(got, []string{"oAbc", ids[2], ids[3], ids[4]}) {
		t.Errorf("missing are %q", got)
	}
}

func TestLatency(t *testing.T) {
	for _, text := range []string{"0s", "50ms", "80ms-120ms", "p50=150ms,p99=2s"} {
		l, err := ParseLatency(text)
		if err != nil || l.String() != text {
			t.Errorf("%q is read as %v, %v", text, l, err)
		}
	}
	for _, text := range []string{"", "fast", "2s-1s", "-1s", "p50=1s", "p50=0s,p99=1s", "p50=2s,p99=1s"} {
		if l, err := ParseLatency(text); err == nil {
			t.Errorf("%q is read as %v, want an error", text, l)
		}
	}
	l, _ := ParseLatency("p50=150ms,p99=2s")
	for u, want := range map[float64]float64{0.5: 0.150, 0.99: 2} {
		if got := l.at(u).Seconds(); got < want*0.999 || got > want*1.001 {
			t.Errorf("at %v the latency is %v s, want %v", u, got, want)
		}
	}
}
