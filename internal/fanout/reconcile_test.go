package fanout

import "testing"

func TestFruitless(t *testing.T) {
	var f fruitless
	for i, c := range []struct {
		left int64
		want int
	}{{9, 1}, {9, 2}, {8, 1}, {8, 2}, {8, 3}, {8, 4}} {
		if got := f.count(c.left); got != c.want {
			t.Errorf("round %d, %d left: %d, want %d", i, c.left, got, c.want)
		}
	}
}
