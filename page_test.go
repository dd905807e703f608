package pushd

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// mixed makes n people in every state, in runs as pages have them.
func mixed(n int, d *rand.Rand) []Person {
	people := make([]Person, 0, n)
	for len(people) < n {
		p := Person{State: PersonState(d.IntN(int(PersonUnknown) + 1))}
		if p.State != Untouched {
			p.Code = []int32{0, 43004, 43101, -1, CodeTimeout, 1 << 30, -1 << 31}[d.IntN(7)]
		}
		if p.State == Refused || p.State == InDoubt {
			p.Defers = uint8(d.IntN(256))
		}
		for range min(1+d.IntN(20), n-len(people)) {
			people = append(people, p)
		}
	}
	return people
}

func TestPersons_RoundTrip(t *testing.T) {
	const seed = 20260301
	d := rand.New(rand.NewPCG(seed, 0))
	for _, n := range []int{0, 1, 2, 7, 8, 100, 9999, PageSize} {
		for range 20 {
			want := mixed(n, d)
			got, err := DecodePersons(EncodePersons(nil, want), n)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("seed %d: %d people: %v; got %v, want %v", seed, n, err, got, want)
			}
		}
	}
}

func TestEncodePersons_Size(t *testing.T) {
	if b := EncodePersons(nil, make([]Person, PageSize)); len(b) != 0 {
		t.Errorf("a page on which nothing happened takes %d bytes", len(b))
	}
	people := slices.Repeat([]Person{{State: PersonSent}}, PageSize)
	if b := EncodePersons(nil, people); len(b) > 4 {
		t.Errorf("a page on which everyone was told takes %d bytes", len(b))
	}
	for i := 50; i < PageSize; i += 100 {
		people[i] = Person{State: PersonSkipped, Code: 43101}
	}
	if b := EncodePersons(nil, people); len(b) > 700 {
		t.Errorf("a page with 1 %% skipped takes %d bytes", len(b))
	}
}

func TestDecodePersons_Damaged(t *testing.T) {
	good := EncodePersons(nil, []Person{{State: PersonSent}, {State: Refused, Code: 43117, Defers: 16}, {State: PersonFailed, Code: -1}})
	for name, c := range map[string]struct {
		b []byte
		n int
	}{
		"more than the page holds": {good, 2},
		"cut in a code":            {good[:2], 3},
		"cut in the defers":        {good[:4], 3},
		"a run of nobody":          {[]byte{byte(PersonSent)}, 3},
		"no version":               {[]byte{1<<3 | 7}, 3},
		"a length without end":     {[]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, 3},
		"a code beyond 32 bits":    {append([]byte{1<<3 | byte(PersonFailed)}, 255, 255, 255, 255, 255, 255, 255, 1), 3},
		"too many defers":          {[]byte{1<<3 | byte(Refused), 0, 128, 2}, 3},
		"a page too large":         {nil, PageSize + 1},
		"fewer than nobody":        {nil, -1},
	} {
		if people, err := DecodePersons(c.b, c.n); !errors.Is(err, errOutcomes) {
			t.Errorf("%s: %v, %v", name, people, err)
		}
	}
}

// FuzzDecodePersons feeds what a damaged database could hold.
func FuzzDecodePersons(f *testing.F) {
	d := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 10, 300} {
		f.Add(EncodePersons(nil, mixed(n, d)), n)
	}
	f.Add([]byte{255, 255, 255, 255, 15, 1}, 5)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		people, err := DecodePersons(b, n)
		if err != nil {
			return
		}
		if len(people) != n {
			t.Fatalf("%d people of %d", len(people), n)
		}
		again, err := DecodePersons(EncodePersons(nil, people), n)
		if err != nil || !slices.Equal(again, people) {
			t.Fatalf("what was decoded does not survive: %v", err)
		}
	})
}

// FuzzOutcomesRoundTrip makes people of any bytes, writes them and reads them
// back.
func FuzzOutcomesRoundTrip(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 5, 200, 3, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var want []Person
		for ; len(b) >= 3 && len(want) < PageSize; b = b[3:] {
			p := Person{State: PersonState(b[0] % 7)}
			if p.State != Untouched {
				p.Code = int32(int8(b[1])) << (b[2] % 24)
			}
			if p.State == Refused || p.State == InDoubt {
				p.Defers = b[2]
			}
			want = append(want, p)
		}
		got, err := DecodePersons(EncodePersons(nil, want), len(want))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v: got %v, want %v", err, got, want)
		}
	})
}
